// This project, as an application uses it: Nest makes the service, the decorator does the rest.
import 'reflect-metadata';
import { Transactional, TransactionalModule, TransactionManager } from '@nest-transactional/core';
import { Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AccountSchema, CounterSchema, dataSourceOptions, poolOf } from './entities.mjs';
import { handingOn } from './plain-method.mjs';

/** @typedef {import('@nest-transactional/core').TransactionOptions} TransactionOptions */
/** @typedef {import('./contestant.mjs').Keys} Keys */

class Accounts {
  /** @param {DataSource} dataSource */
  constructor(dataSource) {
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
    const account = await this.accounts.findOneByOrFail({ id: first });
    account.balance += 1;
    await this.accounts.save(account);
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

  /** @param {number} id */
  async #increment(id) {
    await this.counters.increment({ id }, 'value', 1);
  }
}

/** @type {Record<Exclude<keyof Accounts, 'accounts' | 'counters'>, TransactionOptions>} */
const TRANSACTIONAL = {
  nothing: {},
  count: {},
  deposit: {},
  transfer: {},
  read: { readOnly: true },
  report: { isolation: 'SERIALIZABLE', readOnly: true, deferrable: true },
  countBoth: {},
  countNested: { propagation: 'NESTED' },
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

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {Promise<import('./contestant.mjs').Contestant>}
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
  };
}
