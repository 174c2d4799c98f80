import pg from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { enlist, type EnlistOptions, type TransactionManager } from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { Note } from './entities.js';

export type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** An enlisted DataSource on the worker's database, and an observer that has nothing to do with either library. */
export class EnlistedDatabase {
  private constructor(
    readonly dataSource: DataSource,
    readonly transactions: TransactionManager,
    readonly observer: pg.Client,
    /** What the library reported, one line each. */
    readonly reported: string[],
  ) {}

  static async open(
    options: Partial<PostgresOptions> = {},
    enlistOptions: EnlistOptions = {},
  ): Promise<EnlistedDatabase> {
    const dataSource = await openDataSource(options);
    const reported: string[] = [];
    const log: EnlistOptions['log'] = {
      error: (message, { transaction, requestId }) => {
        reported.push(`[${requestId ?? '-'}] ${transaction}: ${message}`);
      },
    };
    const transactions = enlist(dataSource, { log, ...enlistOptions });
    return new EnlistedDatabase(dataSource, transactions, await openObserver(), reported);
  }

  get pool(): pg.Pool {
    return poolOf(this.dataSource);
  }

  /** Saves a note through the DataSource, as a repository that knows nothing of transactions would. */
  write(text: string): Promise<unknown> {
    return this.dataSource.getRepository(Note).insert({ text });
  }

  /** The texts of the notes that another connection can see. */
  notes(): Promise<string[]> {
    return textsOf(this.observer, 'SELECT text FROM note ORDER BY text');
  }

  async empty(): Promise<void> {
    await this.observer.query('TRUNCATE note RESTART IDENTITY');
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
    await this.observer.end();
  }
}

/** Runs on an empty schema, unless told otherwise. */
export async function openDataSource(options: Partial<PostgresOptions> = {}): Promise<DataSource> {
  return await new DataSource({
    type: 'postgres',
    url: workerDatabaseUrl(),
    entities: [Note],
    synchronize: true,
    dropSchema: true,
    ...options,
  } as PostgresOptions).initialize();
}

export async function openObserver(connectionString = workerDatabaseUrl()): Promise<pg.Client> {
  const observer = new pg.Client({ connectionString });
  await observer.connect();
  return observer;
}

export function poolOf(dataSource: DataSource): pg.Pool {
  return (dataSource.driver as unknown as { master: pg.Pool }).master;
}

/** The first column of each row. */
export async function textsOf(client: pg.Client, sql: string, values: unknown[] = []): Promise<string[]> {
  const { rows } = await client.query<string[]>({ text: sql, values, rowMode: 'array' });
  return rows.map(([text]) => String(text));
}

/** What the promise is rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<any> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}
