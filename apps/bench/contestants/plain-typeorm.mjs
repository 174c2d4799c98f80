// TypeORM as its own guide shows it: everything inside goes through the manager that `transaction()` hands out.
import { DataSource } from 'typeorm';
import { AccountSchema, CounterSchema, dataSourceOptions, poolOf } from './entities.mjs';
import { handingOn } from './plain-method.mjs';

/** @typedef {import('typeorm').EntityManager} EntityManager */

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {Promise<import('./contestant.mjs').Contestant>}
 */
export async function open(target) {
  const dataSource = await new DataSource(dataSourceOptions(target)).initialize();
  return {
    pool: poolOf(dataSource),
    tasks: tasksOn(dataSource),
    inTransaction: (work) =>
      dataSource.transaction((manager) => work(handingOn(manager), handingOn(manager))),
    asRequest: (work) => work(),
    close: () => dataSource.destroy(),
  };
}

/**
 * @param {DataSource} dataSource
 * @returns {import('./contestant.mjs').Tasks}
 */
function tasksOn(dataSource) {
  return {
    nothing: () => dataSource.transaction(async () => undefined),
    count: ({ first }) => dataSource.transaction((manager) => count(manager, first)),
    deposit: ({ first }) =>
      dataSource.transaction(async (manager) => {
        const account = await manager.findOneByOrFail(AccountSchema, { id: first });
        account.balance += 1;
        await manager.save(AccountSchema, account);
      }),
    transfer: ({ first, second }) => dataSource.transaction((manager) => transfer(manager, first, second)),
    read: ({ first }) => dataSource.transaction((manager) => manager.findOneBy(AccountSchema, { id: first })),
    report: ({ first }) =>
      dataSource.transaction('SERIALIZABLE', async (manager) => {
        await manager.query('SET TRANSACTION READ ONLY, DEFERRABLE');
        return await manager.findOneBy(AccountSchema, { id: first });
      }),
    countBoth: ({ first, second }) =>
      dataSource.transaction(async (manager) => {
        await count(manager, first);
        await manager.transaction((nested) => count(nested, second));
      }),
  };
}

/**
 * @param {EntityManager} manager
 * @param {number} id
 */
async function count(manager, id) {
  await manager.increment(CounterSchema, { id }, 'value', 1);
}

/**
 * @param {EntityManager} manager
 * @param {number} first
 * @param {number} second
 */
async function transfer(manager, first, second) {
  const from = await manager.findOneByOrFail(AccountSchema, { id: first });
  const to = await manager.findOneByOrFail(AccountSchema, { id: second });
  from.balance -= 1;
  to.balance += 1;
  await manager.save(AccountSchema, from);
  await manager.save(AccountSchema, to);
}
