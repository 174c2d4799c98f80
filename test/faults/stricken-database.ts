import { expect } from '@jest/globals';
import pg from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { enlist, type EnlistOptions, type TransactionManager } from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { FaultProxy } from '../support/fault-proxy.js';
import { settle } from '../support/gate.js';
import { openDataSource, poolOf, textsOf, type PostgresOptions } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

/** What counts as a hang, in milliseconds; nothing is decided by being faster. */
export const HANG_MS = 5000;

export interface StrickenOptions {
  readonly dataSource?: Partial<PostgresOptions>;
  readonly enlist?: EnlistOptions;
  /** An existing database. @defaultValue one of its own */
  readonly url?: string;
}

/** A database of its own, an enlisted DataSource that reaches it through a proxy, and an observer that does not. */
export class StrickenDatabase {
  /** What the library reported, one line each. */
  readonly reported: string[] = [];

  private constructor(
    readonly proxy: FaultProxy,
    readonly dataSource: DataSource,
    public observer: pg.Pool,
    readonly transactions: TransactionManager,
  ) {}

  static async open(options: StrickenOptions = {}): Promise<StrickenDatabase> {
    const url = options.url ?? (await createDatabase());
    const proxy = await FaultProxy.to(url);
    const dataSource = await openDataSource({
      url: proxy.url,
      logging: false,
      poolErrorHandler: () => undefined,
      poolSize: 4,
      applicationName: 'stricken',
      ...options.dataSource,
    });
    const lines: string[] = [];
    const log: EnlistOptions['log'] = { error: (message) => void lines.push(message) };
    const transactions = enlist(dataSource, { log, ...options.enlist });
    const database = new StrickenDatabase(proxy, dataSource, observe(url), transactions);
    Object.assign(database, { reported: lines });
    return database;
  }

  get pool(): pg.Pool {
    return poolOf(this.dataSource);
  }

  /** The server has moved to another address. */
  retarget(url: string): void {
    this.proxy.retarget(url);
    void this.observer.end();
    this.observer = observe(url);
  }

  /** Writes a note through the DataSource, as a repository that knows nothing of transactions would. */
  write(text: string): Promise<unknown> {
    return this.dataSource.getRepository(Note).insert({ text });
  }

  async notes(): Promise<string[]> {
    const client = await this.observer.connect();
    try {
      return await textsOf(client, 'SELECT text FROM note ORDER BY text');
    } finally {
      client.release();
    }
  }

  async empty(): Promise<void> {
    await this.observer.query('TRUNCATE note');
  }

  async terminate(pid: number): Promise<void> {
    await this.observer.query('SELECT pg_terminate_backend($1)', [pid]);
  }

  /** The next transactions work, the pool's counts are whole, and nothing of ours is left at the server. */
  async expectHealthy(): Promise<void> {
    this.proxy.heal();
    const { pool } = this;
    await until(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0, 'the pool is at rest');
    await this.empty();
    const texts = Array.from({ length: 3 * pool.options.max! }, (_, number) => `healthy ${number}`);
    await within(
      HANG_MS,
      Promise.all(texts.map((text) => this.transactions.run(() => this.write(text)))),
      'healthy transactions',
    );
    expect(await this.notes()).toEqual(texts.toSorted());
    await until(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0, 'the pool is at rest');
    await until(async () => (await this.#sessions()) === pool.totalCount, 'no session is left over');
  }

  async #sessions(): Promise<number> {
    const { rows } = await this.observer.query<{ all: number; busy: number }>(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE state <> 'idle')::int AS busy FROM pg_stat_activity
       WHERE datname = current_database() AND application_name <> 'observer' AND backend_type = 'client backend'`,
    );
    return rows[0]!.all + rows[0]!.busy * 1000;
  }

  async close(): Promise<void> {
    this.proxy.heal();
    await within(HANG_MS, this.dataSource.destroy(), 'dataSource.destroy()');
    await this.observer.end();
    await this.proxy.close();
  }
}

function observe(connectionString: string): pg.Pool {
  const observer = new pg.Pool({
    connectionString,
    max: 2,
    application_name: 'observer',
    statement_timeout: HANG_MS,
  });
  observer.on('error', () => undefined);
  return observer;
}

export async function pidOf(em: EntityManager): Promise<number> {
  const [{ pid }] = await em.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
  return pid;
}

/** Polls until `condition` holds; `what` names it in the failure after {@link HANG_MS}. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + HANG_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It never came to be that ${what}.`);
    await settle();
  }
}

/** What `work` comes to, or the failure that names `what` when that takes longer than `ms`: a hang. */
export async function within<T>(ms: number, work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} hangs: nothing within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([work, hang]);
  } finally {
    clearTimeout(timer);
  }
}

/** What `work` fails with; `undefined` when it does not. A hang is a failure of its own. */
export async function fateOf(work: Promise<unknown>, ms = HANG_MS): Promise<any> {
  return await within(
    ms,
    work.then(
      () => undefined,
      (error: unknown) => error,
    ),
    'the call',
  );
}
