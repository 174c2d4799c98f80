import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { workerDatabaseUrl } from '../support/database.js';
import { WireProxy } from '../support/wire-proxy.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let proxy: WireProxy;
let database: EnlistedDatabase;
let acquired = 0;
const count = (): void => void acquired++;

beforeAll(async () => {
  proxy = await WireProxy.to(workerDatabaseUrl());
  database = await EnlistedDatabase.open({ url: proxy.url });
});
beforeEach(() => {
  acquired = 0;
  proxy.forget();
  database.pool.on('acquire', count);
});
afterEach(() => void database.pool.off('acquire', count));
afterAll(async () => {
  await database.close();
  await proxy.stop();
});

it('takes no connection for work without SQL', async () => {
  const { totalCount, idleCount } = database.pool;
  const result = await database.transactions.run(async () => {
    await Promise.resolve();
    return 'done';
  });

  expect(result).toBe('done');
  expect(proxy.sent).toEqual([]);
  expect(acquired).toBe(0);
  expect(database.pool).toMatchObject({ totalCount, idleCount });
});

it('takes none either for work that fails, joins, nests or builds queries without sending any', async () => {
  const { transactions, dataSource } = database;
  const failure = new Error('early');
  const work = transactions.run(async (em) => {
    await transactions.run(() => transactions.current!.id);
    em.getRepository(Note).createQueryBuilder('note').where({ id: 1 }).getQuery();
    await dataSource.createQueryRunner().release();
    throw failure;
  });

  expect(await failureOf(work)).toBe(failure);
  expect(proxy.sent).toEqual([]);
  expect(acquired).toBe(0);
});

it('takes one for the first statement and keeps it to the end', async () => {
  await database.transactions.run(async (em) => {
    expect(acquired).toBe(0);
    await em.count(Note);
    await database.dataSource.query('SELECT 1');
    expect(acquired).toBe(1);
    expect(database.pool.idleCount).toBe(database.pool.totalCount - 1);
  });

  expect(acquired).toBe(1);
  expect(database.pool.idleCount).toBe(database.pool.totalCount);
});

it('takes one for many statements that are sent at once', async () => {
  await database.transactions.run((em) => Promise.all([1, 2, 3, 4].map(() => em.count(Note))));

  expect(acquired).toBe(1);
});
