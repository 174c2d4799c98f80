import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions, MigrationExecutor, type QueryRunner } from 'typeorm';
import { CreateShop1760000000000 } from './migrations/1760000000000-create-shop.js';
import { AddStamps1761000000000 } from './migrations/1761000000000-add-stamps.js';
import { AddIdempotencyKeys1762000000000 } from './migrations/1762000000000-add-idempotency-keys.js';
import { AddNamesToLines1763000000000 } from './migrations/1763000000000-add-names-to-lines.js';

/** Any number will do, as long as every process that migrates this database asks for the same one. */
const MIGRATION_LOCK = 7_460_671;

export function databaseOptions(url: string): TypeOrmModuleOptions {
  return {
    type: 'postgres',
    url,
    applicationName: 'shop',
    autoLoadEntities: true,
    synchronize: false,
    migrations: [
      CreateShop1760000000000,
      AddStamps1761000000000,
      AddIdempotencyKeys1762000000000,
      AddNamesToLines1763000000000,
    ],
    poolSize: 10,
    connectTimeoutMS: 10_000,
    retryAttempts: 3,
    retryDelay: 1_000,
    // gen_random_uuid() is built in, so no extension is needed.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
  };
}

export async function connectAndMigrate(options?: DataSourceOptions): Promise<DataSource> {
  if (!options) throw new Error('The shop has no database options.');
  const dataSource = await new DataSource(options).initialize();
  try {
    await migrate(dataSource);
    return dataSource;
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

/** Runs what is pending, all or nothing. Processes that start together take turns at the advisory lock. */
export async function migrate(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction();
    await runner.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    const names = await runPending(dataSource, runner);
    await runner.commitTransaction();
    return names;
  } catch (error) {
    if (runner.isTransactionActive) await runner.rollbackTransaction();
    throw error;
  } finally {
    await runner.release();
  }
}

async function runPending(dataSource: DataSource, runner: QueryRunner): Promise<string[]> {
  const executor = new MigrationExecutor(dataSource, runner);
  executor.transaction = 'none';
  const executed = await executor.executePendingMigrations();
  return executed.map(({ name }) => name);
}
