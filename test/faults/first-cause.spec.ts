import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { fateOf, StrickenDatabase } from './stricken-database.js';

const swallow = (): undefined => undefined;
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

/** Every SQLSTATE on the way from `error` to its first cause. */
function statesOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { code, driverError, cause } = error as { code?: string; driverError?: unknown; cause?: unknown };
  const own = code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? [code] : [];
  return [...new Set([...own, ...statesOf(driverError), ...statesOf(cause)])];
}

const LATER: Record<string, (em: EntityManager) => Promise<unknown>> = {
  'a statement that the failed transaction refuses': (em) => em.query('SELECT 1'),
  'a second failure': (em) => em.query('SELECT * FROM nowhere'),
  'the commit': () => Promise.resolve(),
  'a NESTED call': (em) => em.transaction((inner) => inner.query('SELECT 1')),
  'a joined call': (em) => database.transactions.run(() => em.query('SELECT 1')),
  'a stream': async (em) => {
    for await (const _row of await em.queryRunner!.stream('SELECT 1'));
  },
};

it.each(Object.entries(LATER))(
  'a swallowed failure is the cause of what follows from it: %s',
  async (_name, later) => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('a');
        await em.query('SELECT 1/0').catch(swallow);
        await later(em);
      }),
    );

    expect(statesOf(fate)).toContain('22012');
  },
);

it('a failure in a joined call that the outer swallows is the cause of the unexpected rollback', async () => {
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      await database.transactions.run(() => em.query('SELECT 1/0')).catch(swallow);
    }),
  );

  expect(fate).toMatchObject({ code: 'UNEXPECTED_ROLLBACK' });
  expect(statesOf(fate)).toEqual(['22012']);
});

it('a failure before the loss of the connection stays the first', async () => {
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      await database.write('a');
      await em.query('SELECT 1/0').catch(swallow);
      const struck = database.proxy.strike('nowhere', 'cut');
      await em.query('SELECT * FROM nowhere').catch(swallow);
      await struck;
      await em.query('SELECT 1');
    }),
  );

  expect(statesOf(fate)).toContain('22012');
});

it('a failure that a savepoint has cured is not', async () => {
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      await database.write('a');
      await em.transaction((inner) => inner.query('SELECT 1/0')).catch(swallow);
      await em.query('SELECT * FROM nowhere');
    }),
  );

  expect(statesOf(fate)).toEqual(['42P01']);
});

it('a late statement hears of it, too', async () => {
  let em: EntityManager | undefined;
  await fateOf(
    database.transactions.run(async (inside) => {
      em = inside;
      await inside.query('SELECT 1/0').catch(swallow);
    }),
  );

  expect(statesOf(await fateOf(em!.query('SELECT 1')))).toContain('22012');
});
