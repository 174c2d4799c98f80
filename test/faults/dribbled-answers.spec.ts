import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { UnexpectedRollbackError } from '@nest-transactional/core';
import { fateOf, StrickenDatabase } from './stricken-database.js';

const swallow = (): undefined => undefined;
let database: StrickenDatabase;

// The server's error and its word that it is ready again may arrive in different packets, and often do.
beforeAll(async () => {
  database = await StrickenDatabase.open();
  database.proxy.dribbles = true;
  await database.observer.query(
    'ALTER TABLE note ADD COLUMN slot int, ADD CONSTRAINT one_slot UNIQUE (slot) DEFERRABLE INITIALLY DEFERRED',
  );
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

const nested = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'NESTED' }, work);

it.each(['SELECT 1/0', 'SELECT $1::int / 0'])(
  'a NESTED call that swallowed %s is undone alone',
  async (sql) => {
    let inner: unknown;
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('outer');
        inner = await fateOf(
          nested(async () => {
            await database.write('inner');
            await em.query(sql, sql.includes('$1') ? [1] : undefined).catch(swallow);
          }),
        );
        await database.write('later');
      }),
    );

    expect(inner).toBeInstanceOf(UnexpectedRollbackError);
    expect(fate).toBeUndefined();
    expect(await database.notes()).toEqual(['later', 'outer']);
  },
);

it('a swallowed failure is an unexpected rollback', async () => {
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      await database.write('a');
      await em.query('SELECT 1/0').catch(swallow);
    }),
  );

  expect(fate).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', cause: { code: '22012' } });
});

it('a COMMIT by SQL is noticed before the next statement is sent', async () => {
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      await database.write('a');
      await em.query('SELECT 1; COMMIT; SELECT 1/0').catch(swallow);
      await database.write('after').catch(swallow);
    }),
  );

  expect(fate).toBeInstanceOf(Error);
  expect(await database.notes()).not.toContain('after');
});

it('a COMMIT that the server refuses is a rollback, and the connection lives on', async () => {
  const insert = (text: string): Promise<unknown> =>
    database.dataSource.query('INSERT INTO note (text, slot) VALUES ($1, 1)', [text]);
  const fate = await fateOf(
    database.transactions.run(async () => {
      await insert('a');
      await insert('b');
    }),
  );

  expect(fate.driverError).toMatchObject({ code: '23505' });
  expect(await database.notes()).toEqual([]);
});

it('transactions that fail and succeed in turn do not meet', async () => {
  const texts = Array.from({ length: 60 }, (_, number) => `note ${number}`);
  await Promise.all(
    texts.map((text, number) =>
      fateOf(
        database.transactions.run(async (em) => {
          await database.write(text);
          if (number % 3 === 0) await em.query('SELECT 1/0');
          if (number % 3 === 1) await nested(() => em.query('SELECT 1/0')).catch(swallow);
        }),
      ),
    ),
  );

  expect(await database.notes()).toEqual(texts.filter((_, number) => number % 3 !== 0).toSorted());
});
