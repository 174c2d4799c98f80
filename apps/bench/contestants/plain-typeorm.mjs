// TypeORM as its own guide shows it: everything inside goes through the manager that `transaction()` hands out.
import { DataSource, In } from 'typeorm';
import { AccountSchema, CounterSchema, dataSourceOptions, poolOf } from './entities.mjs';
import { handingOn } from './plain-method.mjs';
import { Conflict, isConflict, retrying } from './retrying.mjs';

/** @typedef {import('typeorm').EntityManager} EntityManager */

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {ReturnType<import('./contestant.mjs').ContestantModule['open']>}
 */
export async function open(target) {
  const dataSource = await new DataSource(dataSourceOptions(target)).initialize();
  return {
    pool: poolOf(dataSource),
    tasks: tasksOn(dataSource),
    load: (ids) => load(dataSource, ids),
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
    deposit: ({ first }) => dataSource.transaction((manager) => add(manager, first)),
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
    // Its `save()` would overwrite what another one has stored meanwhile.
    addVersioned: ({ first }) =>
      retrying(() => dataSource.transaction((manager) => addByUpdate(manager, first)), isConflict),
    addLocked: async ({ first }) => {
      await dataSource.transaction(async (manager) => {
        const lock = /** @type {const} */ ({ mode: 'for_no_key_update' });
        const account = await manager.findOneOrFail(AccountSchema, { where: { id: first }, lock });
        account.balance += 1;
        await manager.save(AccountSchema, account);
      });
      return 0;
    },
    addSerializable: ({ first }) =>
      retrying(() => dataSource.transaction('SERIALIZABLE', (manager) => add(manager, first)), isConflict),
    addAlone: async ({ first }) => {
      await dataSource.transaction(async (manager) => {
        await manager.query('SELECT pg_advisory_xact_lock($1)', [first]);
        await add(manager, first);
      });
      return 0;
    },
  };
}

/**
 * @param {DataSource} dataSource
 * @param {readonly number[]} ids
 */
async function load(dataSource, ids) {
  const repository = dataSource.getRepository(AccountSchema);
  const accounts = await repository.findBy({ id: In([...ids]) });
  return async () => {
    for (const account of accounts) account.balance += 1;
    await repository.save(accounts);
  };
}

/**
 * @param {EntityManager} manager
 * @param {number} id
 */
async function add(manager, id) {
  const account = await manager.findOneByOrFail(AccountSchema, { id });
  account.balance += 1;
  await manager.save(AccountSchema, account);
}

/**
 * @param {EntityManager} manager
 * @param {number} id
 */
async function addByUpdate(manager, id) {
  const { version, balance } = await manager.findOneByOrFail(AccountSchema, { id });
  const { affected } = await manager.update(AccountSchema, { id, version }, { balance: balance + 1 });
  if (affected !== 1) throw new Conflict(`account ${id} has changed meanwhile`);
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
