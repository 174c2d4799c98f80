import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { TransactionalModule, type TransactionalModuleOptions } from '@nest-transactional/core';
import { HttpVersioningModule, type HttpVersioningOptions } from '@nest-transactional/http';
import { ask, type Answer } from '../http/exchange.js';
import { createDatabase } from '../support/database.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { listen, LogLines, type PLATFORMS } from '../transactions/application.js';
import { poolOf, type PostgresOptions } from '../transactions/enlisted-database.js';
import type { Operation } from './operations.js';
import { HANG_MS, until, within } from './stricken-database.js';
import { BEFALL, COUNTERS, Halfway, LOCK, Store, Ware, WAREHOUSE } from './warehouse.js';

export interface WarehouseParts {
  readonly platform?: (typeof PLATFORMS)[number];
  readonly transactional?: TransactionalModuleOptions;
  readonly versioning?: HttpVersioningOptions;
  readonly dataSource?: Partial<PostgresOptions>;
  /** An existing database. @defaultValue one of its own */
  readonly url?: string;
}

/** One request, which can be repeated as its client would. */
export interface Sent {
  readonly operation: Operation;
  readonly id: string;
  readonly title: string;
}

export interface Asking {
  /** Beside, or in place of, those of the operation. */
  readonly headers?: Record<string, string>;
  /** What counts as a hang. */
  readonly ms?: number;
}

/** What of a request is in the database: it writes two rows. */
export type Stored = 'nothing' | 'everything' | 'a part';

/** An application whose database is reached through a proxy, and an observer that goes past it. */
export class StrickenWarehouse {
  private constructor(
    readonly application: INestApplication,
    readonly url: string,
    readonly proxy: FaultProxy,
    public observer: pg.Pool,
    readonly log: LogLines,
  ) {}

  static async open(parts: WarehouseParts = {}): Promise<StrickenWarehouse> {
    const url = parts.url ?? (await createDatabase());
    const proxy = await FaultProxy.to(url);
    const log = new LogLines();
    const application = await createApplication(proxy.url, parts, log);
    const observer = observe(url);
    await observer.query(BEFALL);
    return new StrickenWarehouse(application, await listen(application), proxy, observer, log);
  }

  get pool(): pg.Pool {
    return poolOf(this.application.get<DataSource>(getDataSourceToken()));
  }

  /** What the next requests meet between their two writes. */
  set halfway(meet: (em: EntityManager) => Promise<unknown>) {
    this.application.get(Halfway).meet = meet;
  }

  /** A request of its own id, key and title; the title tells the database what befalls it. */
  async prepare(operation: Operation, fault = 'plain'): Promise<Sent> {
    const sent = { operation, id: randomUUID(), title: `${fault}-${randomUUID()}` };
    await this.observer.query('ALTER SEQUENCE tries RESTART');
    if (operation.changes) {
      await this.observer.query(`INSERT INTO ware (id, title, version) VALUES ($1, 'before', 1)`, [sent.id]);
    }
    return sent;
  }

  async ask({ operation, id, title }: Sent, { headers = {}, ms = HANG_MS }: Asking = {}): Promise<Answer> {
    const { method, path, changes } = operation;
    const all = { 'content-type': 'application/json', ...operation.headers(id), ...headers };
    const body = JSON.stringify(changes || method === 'PUT' ? { title } : { id, title });
    const url = this.url + (method === 'POST' ? path : `${path}/${id}`);
    return await within(ms, ask(url, { method, headers: all, body }), 'the request');
  }

  /** Also the response that is kept for repetitions counts. */
  async stored({ title, id, operation }: Sent): Promise<Stored> {
    const { rows } = await this.observer.query<{ count: string }>(
      `SELECT count(*) FROM move WHERE title = $1
       UNION ALL SELECT count(*) FROM ware WHERE title = $1 AND id = $2
       UNION ALL SELECT count(*) FROM idempotency_keys WHERE convert_from(body, 'UTF8') LIKE '%' || $1 || '%'`,
      [title, id],
    );
    const [moves, wares, responses] = rows.map(({ count }) => Number(count));
    if (operation.changes) await this.#expectRow(id, wares === 1 ? 2 : 1);
    const counts = operation.path === '/idempotent' ? [moves, wares, responses] : [moves, wares];
    if (counts.every((count) => count === 0)) return 'nothing';
    return counts.every((count) => count === 1) ? 'everything' : 'a part';
  }

  async #expectRow(id: string, version: number): Promise<void> {
    const { rows } = await this.observer.query('SELECT version FROM ware WHERE id = $1', [id]);
    expect(rows).toEqual([{ version }]);
  }

  /** Holds the lock that slow statements and commits wait for, until somebody does and `strike` was called with its process. */
  async whileBlocked<T>(running: () => Promise<T>, strike: (pid: number) => Promise<void>): Promise<T> {
    const holder = await this.observer.connect();
    try {
      await holder.query('SELECT pg_advisory_lock($1)', [LOCK]);
      const result = running();
      result.catch(() => undefined);
      let pid: number | undefined;
      await until(async () => (pid = await this.#blocked()) !== undefined, 'somebody waits');
      await strike(pid!);
      await holder.query('SELECT pg_advisory_unlock($1)', [LOCK]);
      return await result;
    } finally {
      holder.release(true);
    }
  }

  async #blocked(): Promise<number | undefined> {
    const { rows } = await this.observer.query<{ pid: number }>(
      `SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
       WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted AND objid = ${LOCK}`,
    );
    return rows[0]?.pid;
  }

  async terminate(pid: number): Promise<void> {
    await this.observer.query('SELECT pg_terminate_backend($1)', [pid]);
    await until(async () => {
      const { rows } = await this.observer.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
      return rows.length === 0;
    }, 'the backend is gone');
  }

  /** Ends all sessions of the pool, which may not have noticed when the promise resolves. */
  async terminateIdle(): Promise<void> {
    const { rows } = await this.observer.query<{ pid: number }>(`SELECT pid ${OF_THE_POOL}`);
    for (const { pid } of rows) await this.terminate(pid);
  }

  /** The pool is whole, and no session is left in a transaction. */
  async expectAtRest(): Promise<void> {
    this.proxy.heal();
    this.halfway = () => Promise.resolve();
    await until(() => this.#isAtRest, 'the pool is at rest');
    await until(async () => (await this.#openTransactions()) === 0, 'no session is in a transaction');
  }

  /** The next request of the kind is answered as if nothing had been. */
  async expectWorks(operation: Operation): Promise<void> {
    const sent = await this.prepare(operation);
    const { status } = await this.ask(sent);
    expect([status, await this.stored(sent)]).toEqual([operation.status, 'everything']);
  }

  get #isAtRest(): boolean {
    const { idleCount, totalCount, waitingCount } = this.pool;
    return idleCount === totalCount && waitingCount === 0;
  }

  async #openTransactions(): Promise<number> {
    const { rows } = await this.observer.query(`SELECT ${OF_THE_POOL} AND state <> 'idle'`);
    return rows.length;
  }

  /** The server has moved to another address. */
  retarget(url: string): void {
    this.proxy.retarget(url);
    void this.observer.end();
    this.observer = observe(url);
  }

  async close(): Promise<void> {
    this.proxy.heal();
    await within(HANG_MS, this.application.close(), 'application.close()');
    await this.observer.end();
    await this.proxy.close();
  }
}

const OF_THE_POOL = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'stricken'`;

async function createApplication(
  url: string,
  { platform, transactional, versioning, dataSource }: WarehouseParts,
  logger: LogLines,
): Promise<INestApplication> {
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url,
        entities: WAREHOUSE,
        synchronize: true,
        dropSchema: true,
        retryAttempts: 0,
        poolSize: 4,
        applicationName: 'stricken',
        poolErrorHandler: () => undefined,
        ...dataSource,
      }),
      TypeOrmModule.forFeature([Ware]),
      TransactionalModule.forRoot(transactional),
      HttpVersioningModule.forRoot(versioning),
    ],
    controllers: COUNTERS,
    providers: [Store, Halfway],
  })
    .setLogger(logger)
    .compile();
  return platform === 'fastify'
    ? module.createNestApplication(new FastifyAdapter(), { logger })
    : module.createNestApplication({ logger });
}

function observe(connectionString: string): pg.Pool {
  const observer = new pg.Pool({ connectionString, max: 3, application_name: 'observer' });
  observer.on('error', () => undefined);
  return observer;
}
