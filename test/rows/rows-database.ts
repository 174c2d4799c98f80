import type { EntitySubscriberInterface, ObjectLiteral, Repository } from 'typeorm';
import type { TransactionOptions } from '@nest-transactional/core';
import { until } from '../faults/stricken-database.js';
import { workerDatabaseUrl } from '../support/database.js';
import { gate } from '../support/gate.js';
import { WireProxy } from '../support/wire-proxy.js';
import { EnlistedDatabase, type PostgresOptions } from '../transactions/enlisted-database.js';
import { Folder } from '../transactions/entities.js';
import { ROW_ENTITIES } from './entities.js';

const NOTHING = (): Promise<void> => Promise.resolve();

type EntityClass<E extends ObjectLiteral> = new () => E;

/** Does something between two statements of one call. */
class BetweenStatements implements EntitySubscriberInterface {
  /** Called after each statement. */
  after: (sql: string) => Promise<unknown> = NOTHING;

  async afterQuery({ query }: { query: string }): Promise<void> {
    await this.after(query);
  }
}

/** The entities of these specs on the worker's database, heard on the wire. */
export class RowsDatabase {
  private constructor(
    private readonly database: EnlistedDatabase,
    private readonly proxy: WireProxy,
  ) {}

  static async open(options: Partial<PostgresOptions> = {}): Promise<RowsDatabase> {
    const proxy = await WireProxy.to(workerDatabaseUrl());
    const entities = [...ROW_ENTITIES, Folder];
    const database = new RowsDatabase(
      await EnlistedDatabase.open({ url: proxy.url, entities, ...options }),
      proxy,
    );
    database.database.dataSource.subscribers.push(database.between);
    return database;
  }

  readonly between = new BetweenStatements();

  get transactions(): EnlistedDatabase['transactions'] {
    return this.database.transactions;
  }

  /** A connection that has nothing to do with the library. */
  get observer(): EnlistedDatabase['observer'] {
    return this.database.observer;
  }

  /** How many connections there are at most. */
  get poolSize(): number {
    return this.database.pool.options.max;
  }

  repository<E extends ObjectLiteral>(entity: EntityClass<E>): Repository<E> {
    return this.database.dataSource.getRepository(entity);
  }

  run<T>(work: () => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.database.transactions.run(options, work);
  }

  /** What `work` sends, BEGIN and the like included. */
  async statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    this.proxy.forget();
    await work().catch(() => undefined);
    return this.proxy.sent.filter(({ type }) => type === 'P' || type === 'Q').map(({ text }) => text);
  }

  async roundTripsOf(work: () => Promise<unknown>): Promise<number> {
    this.proxy.forget();
    await work();
    return this.proxy.roundTrips;
  }

  /** Every row, as another connection sees it. */
  async rowsOf<R = any>(table: string): Promise<R[]> {
    const { rows } = await this.observer.query(`SELECT * FROM "${table}"`);
    return rows as R[];
  }

  /** Returns when as many connections wait for a lock. */
  async waiting(count = 1): Promise<void> {
    const sql = `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    const isReached = async (): Promise<boolean> => {
      const { rows } = await this.observer.query<{ n: number }>(sql);
      return rows[0]!.n >= count;
    };
    await until(isReached, `${count} wait for a lock`);
  }

  async empty(): Promise<void> {
    this.between.after = NOTHING;
    const tables = this.database.dataSource.entityMetadatas.map(({ tableName }) => `"${tableName}"`);
    await this.observer.query(`TRUNCATE ${tables.join()} RESTART IDENTITY CASCADE`);
  }

  async close(): Promise<void> {
    await this.database.close();
    await this.proxy.stop();
  }
}

/** Returns when `count` callers have met. */
export function meeting(count: number): () => Promise<void> {
  const all = gate();
  let present = 0;
  return () => {
    if (++present === count) all.open();
    return all.opened;
  };
}
