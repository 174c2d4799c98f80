// This project, as an application uses it: Nest makes the service, the decorator does the rest.
import 'reflect-metadata';
import {
  lockForUpdate,
  Transactional,
  TransactionalModule,
  TransactionManager,
} from '@nest-transactional/core';
import { Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, In } from 'typeorm';
import { AccountSchema, CounterSchema, dataSourceOptions, poolOf } from './entities.mjs';
import { handingOn } from './plain-method.mjs';

/** @typedef {import('@nest-transactional/core').TransactionOptions} TransactionOptions */
/** @typedef {import('./contestant.mjs').Keys} Keys */

class Accounts {
  /**
   * @param {DataSource} dataSource
   * @param {TransactionManager} transactions
   */
  constructor(dataSource, transactions) {
    this.transactions = transactions;
    this.accounts = dataSource.getRepository(AccountSchema);
    this.counters = dataSource.getRepository(CounterSchema);
  }

  async nothing() {}

  /** @param {Keys} keys */
  async count({ first }) {
    await this.#increment(first);
  }

  /** @param {Keys} keys */
  async deposit({ first }) {
    await this.#add(first);
  }

  /** @param {Keys} keys */
  async transfer({ first, second }) {
    const from = await this.accounts.findOneByOrFail({ id: first });
    const to = await this.accounts.findOneByOrFail({ id: second });
    from.balance -= 1;
    to.balance += 1;
    await this.accounts.save(from);
    await this.accounts.save(to);
  }

  /** @param {Keys} keys */
  async read({ first }) {
    return await this.accounts.findOneBy({ id: first });
  }

  /** @param {Keys} keys */
  async report({ first }) {
    return await this.accounts.findOneBy({ id: first });
  }

  /** @param {Keys} keys */
  async countBoth({ first, second }) {
    await this.#increment(first);
    await this.countNested(second);
  }

  /** @param {number} id */
  async countNested(id) {
    await this.#increment(id);
  }

  /** @param {Keys} keys */
  async addVersioned({ first }) {
    await this.#add(first);
    return this.#retries;
  }

  /** @param {Keys} keys */
  async addLocked({ first }) {
    const account = await lockForUpdate(this.accounts, { id: first });
    if (account === null) throw new Error(`there is no account ${first}`);
    account.balance += 1;
    await this.accounts.save(account);
    return this.#retries;
  }

  /** @param {Keys} keys */
  async addSerializable({ first }) {
    await this.#add(first);
    return this.#retries;
  }

  /** @param {Keys} keys */
  async addAlone({ first }) {
    await this.accounts.query('SELECT pg_advisory_xact_lock($1)', [first]);
    await this.#add(first);
    return this.#retries;
  }

  /** @param {readonly number[]} ids */
  async load(ids) {
    const accounts = await this.accounts.findBy({ id: In([...ids]) });
    return async () => {
      for (const account of accounts) account.balance += 1;
      await this.accounts.save(accounts);
    };
  }

  /**
   * @param {number} depth
   * @returns {Promise<void>}
   */
  async descend(depth) {
    if (depth > 1) await this.descend(depth - 1);
  }

  /** @param {() => Promise<void>} work */
  async surround(work) {
    await work();
  }

  get #retries() {
    return (this.transactions.current?.attempt ?? 1) - 1;
  }

  /** @param {number} id */
  async #add(id) {
    const account = await this.accounts.findOneByOrFail({ id });
    account.balance += 1;
    await this.accounts.save(account);
  }

  /** @param {number} id */
  async #increment(id) {
    await this.counters.increment({ id }, 'value', 1);
  }
}

/** More than anybody should need: how many are needed is what is measured. */
const RETRY = 1000;

/** @type {Record<Exclude<keyof Accounts, 'accounts' | 'counters' | 'transactions' | 'load'>, TransactionOptions>} */
const TRANSACTIONAL = {
  nothing: {},
  count: {},
  deposit: {},
  transfer: {},
  read: { readOnly: true },
  report: { isolation: 'SERIALIZABLE', readOnly: true, deferrable: true },
  countBoth: {},
  countNested: { propagation: 'NESTED' },
  addVersioned: { retry: RETRY },
  addLocked: {},
  addSerializable: { isolation: 'SERIALIZABLE', retry: RETRY },
  addAlone: {},
  descend: {},
  surround: {},
};

// By hand what TypeScript does for decorators.
for (const [method, options] of Object.entries(TRANSACTIONAL)) {
  const descriptor = Object.getOwnPropertyDescriptor(Accounts.prototype, method) ?? {};
  Transactional(options)(Accounts.prototype, method, descriptor);
  Object.defineProperty(Accounts.prototype, method, descriptor);
}
Inject(getDataSourceToken())(Accounts, undefined, 0);
Inject(TransactionManager)(Accounts, undefined, 1);

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {ReturnType<import('./contestant.mjs').ContestantModule['open']>}
 */
export async function open(target) {
  class Application {}
  Module({
    imports: [TypeOrmModule.forRoot(dataSourceOptions(target)), TransactionalModule.forRoot()],
    providers: [Accounts],
  })(Application);
  const app = await NestFactory.createApplicationContext(Application, { logger: false, abortOnError: false });
  const service = app.get(Accounts);
  const transactions = app.get(TransactionManager);
  return {
    pool: poolOf(app.get(DataSource)),
    tasks: tasksOf(service),
    load: (ids) => service.load(ids),
    inTransaction: (work) =>
      service.surround(() => work((depth) => service.descend(depth), handingOn(service))),
    asRequest: (work) => transactions.withContext(work, { requestId: 'bench' }),
    close: () => app.close(),
  };
}

/**
 * @param {Accounts} service
 * @returns {import('./contestant.mjs').Tasks}
 */
function tasksOf(service) {
  return {
    nothing: () => service.nothing(),
    count: (keys) => service.count(keys),
    deposit: (keys) => service.deposit(keys),
    transfer: (keys) => service.transfer(keys),
    read: (keys) => service.read(keys),
    report: (keys) => service.report(keys),
    countBoth: (keys) => service.countBoth(keys),
    addVersioned: (keys) => service.addVersioned(keys),
    addLocked: (keys) => service.addLocked(keys),
    addSerializable: (keys) => service.addSerializable(keys),
    addAlone: (keys) => service.addAlone(keys),
  };
}
