import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { fateOf, pidOf, StrickenDatabase } from './stricken-database.js';

/** pg's own limit: it stops waiting for an answer, and would take the late answer for that of the next statement. */
const QUERY_TIMEOUT_MS = 300;
const swallow = (): undefined => undefined;
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open({ dataSource: { extra: { query_timeout: QUERY_TIMEOUT_MS } } });
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

it('as the first statement, fails the call and costs the connection', async () => {
  const fate = await fateOf(database.transactions.run((em) => em.query('SELECT pg_sleep(0.8)')));

  expect(fate).toBeInstanceOf(Error);
  expect(`${fate.message} ${fate.cause?.message}`).toContain('timeout');
  expect(fate.retryable ?? false).toBe(false);
});

it.each([[[]], [[0.8]]])('in a later statement (parameters %p), costs the connection', async (parameters) => {
  let pid = 0;
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      pid = await pidOf(em);
      await database.write('a');
      await em.query(parameters.length > 0 ? 'SELECT pg_sleep($1)' : 'SELECT pg_sleep(0.8)', parameters);
    }),
  );

  expect(fate.driverError?.message).toBe('Query read timeout');
  expect(await database.transactions.run(pidOf)).not.toBe(pid);
  expect(await database.notes()).toEqual([]);
});

it('whose failure is swallowed cannot be committed, and no answer is taken for another one’s', async () => {
  const fate = await fateOf(
    database.transactions.run(async (em) => {
      await database.write('a');
      await em.query('SELECT pg_sleep(0.5)').catch(swallow);
      const [row] = await em.query<[{ two: number }]>('SELECT 2 AS two').catch(() => [{ two: 2 }]);
      expect(row).toEqual({ two: 2 });
    }),
  );

  expect(fate).toMatchObject({ outcome: 'rolled-back' });
  expect(await database.notes()).toEqual([]);
});

it('in a NESTED call, takes the whole transaction with it', async () => {
  const fate = await fateOf(
    database.transactions.run(async () => {
      await database.write('a');
      await database.transactions
        .run({ propagation: 'NESTED' }, (em) => em.query('SELECT pg_sleep(0.8)'))
        .catch(swallow);
    }),
  );

  expect(fate).toMatchObject({ outcome: 'rolled-back' });
  expect(await database.notes()).toEqual([]);
});

it('in COMMIT, leaves the outcome unknown', async () => {
  const struck = database.proxy.strike('COMMIT', 'black-hole-answer');
  const fate = await fateOf(database.transactions.run(() => database.write('a')));
  await struck;

  expect(fate).toMatchObject({ outcome: 'unknown' });
  expect(await database.notes()).toEqual(['a']);
});

it('in ROLLBACK, does not hide the error', async () => {
  const own = new Error('out of stock');
  const struck = database.proxy.strike('ROLLBACK', 'black-hole');
  const fate = await fateOf(
    database.transactions.run(async () => {
      await database.write('a');
      throw own;
    }),
  );
  await struck;

  expect(fate).toBe(own);
});
