import pg from 'pg';
import {
  DataSource,
  getMetadataArgsStorage,
  type DataSourceOptions,
  type DeepPartial,
  type EntityTarget,
  type FindOptionsWhere,
  type ObjectLiteral,
  type Repository,
} from 'typeorm';
import type { EnlistOptions, TransactionManager } from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { cases } from '../support/thoroughness.js';
import { enlist } from './library.js';

type PostgresOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** An abstract one, too, as single-table inheritance has it. */
export type EntityClass<E extends ObjectLiteral = ObjectLiteral> = abstract new () => E;

const SILENT: EnlistOptions = { log: { error: () => undefined } };

/** An enlisted DataSource, and the same tables through plain TypeORM, as another application would use them. */
export class VersionedDatabase {
  private constructor(
    readonly dataSource: DataSource,
    readonly transactions: TransactionManager,
    /** The other writers, and what TypeORM itself would do. */
    readonly plain: DataSource,
  ) {}

  static async open(
    entities: readonly EntityClass[],
    options: Partial<PostgresOptions> = {},
    enlistOptions: EnlistOptions = {},
  ): Promise<VersionedDatabase> {
    const both = { ...options, entities: [...entities] as never };
    // In this order, because active records belong to the DataSource that was opened last.
    const plain = await openDataSource({ ...both, subscribers: [] });
    await widenVersions(plain);
    const dataSource = await openDataSource({ ...both, synchronize: false, dropSchema: false });
    return new VersionedDatabase(dataSource, enlist(dataSource, { ...SILENT, ...enlistOptions }), plain);
  }

  /** Another application with our library, on the same tables. Opened and closed for itself. */
  async beside(options: Partial<PostgresOptions>, enlistOptions: EnlistOptions): Promise<VersionedDatabase> {
    const { entities } = this.plain.options;
    const own = { ...options, entities: entities as never, synchronize: false, dropSchema: false };
    const dataSource = await openDataSource(own);
    return new VersionedDatabase(dataSource, enlist(dataSource, { ...SILENT, ...enlistOptions }), this.plain);
  }

  repository<E extends ObjectLiteral>(target: EntityClass<E>): Repository<E> {
    return this.dataSource.getRepository(target as EntityTarget<E>);
  }

  /** The same repository, of the other application. */
  plainly<E extends ObjectLiteral>(target: EntityClass<E>): Repository<E> {
    return this.plain.getRepository(target as EntityTarget<E>);
  }

  /** A new row, as the other application made it. */
  async seed<E extends ObjectLiteral>(target: EntityClass<E>, values: DeepPartial<E>): Promise<E> {
    const repository = this.plainly(target);
    return await repository.save(repository.create(values));
  }

  /** The entity's row changes behind its back; its version with it. */
  async interfere<E extends ObjectLiteral>(entity: E, values: object = { name: 'theirs' }): Promise<void> {
    await this.#plainlyOf(entity).update(this.#keyOf(entity), values);
  }

  async removeBehindItsBack(entity: ObjectLiteral): Promise<void> {
    await this.#plainlyOf(entity).delete(this.#keyOf(entity));
  }

  /** What another connection can see of the entity's row, soft-deleted or not. */
  stored<E extends ObjectLiteral>(entity: E): Promise<E | null> {
    return this.#plainlyOf(entity).findOne({ where: this.#keyOf(entity), withDeleted: true });
  }

  /** Loads the entity anew, soft-deleted or not. */
  reloaded<E extends ObjectLiteral>(entity: E): Promise<E> {
    return this.repository(classOf(entity)).findOneOrFail({ where: this.#keyOf(entity), withDeleted: true });
  }

  versionOf(entity: ObjectLiteral): unknown {
    return this.plain.getMetadata(entity.constructor).versionColumn!.getEntityValue(entity);
  }

  /** Empties the tables of `targets`, or all; ids begin with 1 again. */
  async empty(...targets: EntityClass[]): Promise<void> {
    const { entityMetadatas } = this.plain;
    const own = targets.length === 0 ? entityMetadatas : targets.map((each) => this.plain.getMetadata(each));
    const tables = new Set(
      own.flatMap(({ tableName, closureJunctionTable }) => [
        tableName,
        closureJunctionTable?.tableName ?? tableName,
      ]),
    );
    const emptied = [...tables].map((table) => `DELETE FROM "${table}"`);
    const restarted = [
      ...new Set(
        own.flatMap(({ tableName, generatedColumns }) =>
          generatedColumns.map(({ databaseName }) => [tableName, databaseName]),
        ),
      ),
    ].map(([table, column]) => `SELECT setval(pg_get_serial_sequence('"${table}"', '${column}'), 1, false)`);
    // Cheaper than TRUNCATE for a few rows. Whose row refers to whose does not matter meanwhile.
    await this.plain.query(
      ['SET LOCAL session_replication_role = replica', ...emptied, ...restarted].join(';'),
    );
  }

  async close(): Promise<void> {
    await this.dataSource.destroy();
    await this.plain.destroy();
  }

  #plainlyOf<E extends ObjectLiteral>(entity: E): Repository<E> {
    return this.plainly(classOf(entity));
  }

  #keyOf<E extends ObjectLiteral>(entity: E): FindOptionsWhere<E> {
    return this.plain.getMetadata(entity.constructor).getEntityIdMap(entity) as FindOptionsWhere<E>;
  }
}

function classOf<E extends ObjectLiteral>(entity: E): EntityClass<E> {
  return entity.constructor as EntityClass<E>;
}

type Surroundings = 'outside of a transaction' | 'in a transaction';
export const SURROUNDINGS: readonly Surroundings[] = ['outside of a transaction', 'in a transaction'];
/** For specs in which much is the same in both. */
export const USUAL_SURROUNDINGS = cases<Surroundings>(['in a transaction'], ['outside of a transaction']);

export function perform<T>(
  where: Surroundings,
  { transactions }: VersionedDatabase,
  work: () => Promise<T>,
): Promise<T> {
  return where === 'in a transaction' ? transactions.run(work) : work();
}

/** What a conflict says: the same call may succeed with what it reads then. */
export function conflictOn(entity: string, id: unknown, expected: unknown): object {
  return { code: 'OPTIMISTIC_LOCK', outcome: 'rolled-back', retryable: true, entity, id, expected };
}

/** What a conflict says whose version was given to `expectVersion`: trying again would be in vain. */
export function refusalOf(entity: string, id: unknown, expected: unknown): object {
  return { ...conflictOn(entity, id, expected), retryable: false };
}

/** TypeORM makes every version column an `integer`; in tables that migrations made, it is what the entity says. */
async function widenVersions(dataSource: DataSource): Promise<void> {
  for (const { target, mode, propertyName, options } of getMetadataArgsStorage().columns) {
    if (mode !== 'version' || options.type !== 'bigint' || !dataSource.hasMetadata(target)) continue;
    const { tableName } = dataSource.getMetadata(target);
    await dataSource.query(`ALTER TABLE "${tableName}" ALTER "${propertyName}" TYPE bigint`);
  }
}

/** Runs on an empty schema, unless told otherwise. */
export async function openDataSource(options: Partial<PostgresOptions>): Promise<DataSource> {
  const all = { type: 'postgres', url: workerDatabaseUrl(), synchronize: true, dropSchema: true, ...options };
  return await new DataSource(all as PostgresOptions).initialize();
}

/** A connection that has nothing to do with either library. */
export async function openObserver(): Promise<pg.Client> {
  const observer = new pg.Client({ connectionString: workerDatabaseUrl() });
  await observer.connect();
  return observer;
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
