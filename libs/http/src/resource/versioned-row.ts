import { versionedByOf, type Version } from '@nest-transactional/core';
import type { EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { RelationMetadata } from 'typeorm/metadata/RelationMetadata.js';
import { idMapOf } from './row-id.js';

/** A row that carries the version of a resource, as it is in the database. */
export interface RowState {
  /** TypeORM's map of its primary key. */
  readonly id: ObjectLiteral;
  readonly version: Version;
  /** When it was last changed, where the entity has a date of that. */
  readonly lastModified: Date | undefined;
  /** Whether it is there only for who looks for deleted ones. */
  readonly isDeleted: boolean;
}

/** What a value that a handler returned says about the version. */
export interface ShownVersion {
  readonly version: Version;
  readonly lastModified: Date | undefined;
}

/** Where the version of a resource stands: in a row of its own, or in that of its aggregate's root. */
export class VersionedRows {
  /** Of the entity that a request names by id. */
  readonly #metadata: EntityMetadata;
  /** Of the entity that carries the version. */
  readonly #carrier: EntityMetadata;
  /** From the part to its root; `undefined` where the resource has the version itself. */
  readonly #relation: RelationMetadata | undefined;
  #sql: string | undefined;

  constructor(metadata: EntityMetadata, by: 'self' | 'root') {
    this.#metadata = metadata;
    this.#relation = by === 'root' ? rootRelationOf(metadata) : undefined;
    this.#carrier = this.#relation?.inverseEntityMetadata ?? metadata;
  }

  /** The entity's name, as errors tell it: of what the client has to get again. */
  get name(): string {
    return this.#carrier.name;
  }

  /** The entity whose version counts. */
  get carrier(): EntityTarget<ObjectLiteral> {
    return this.#carrier.target;
  }

  /** Whether the row that a request names carries the version itself. */
  get isOwn(): boolean {
    return this.#relation === undefined;
  }

  /** Whether a DELETE leaves the row, with a date. */
  get isSoftDeleted(): boolean {
    return this.isOwn && this.#metadata.deleteDateColumn !== undefined;
  }

  /** Whether the row tells when it was last changed. */
  get isDated(): boolean {
    return this.#carrier.updateDateColumn !== undefined;
  }

  get versionColumn(): ColumnMetadata | undefined {
    return this.#carrier.versionColumn;
  }

  /** The map of the primary key that a request names; `undefined` when no row can have it. */
  idMap(id: unknown): ObjectLiteral | undefined {
    return idMapOf(this.#metadata, id);
  }

  /** What the row is now, for the caller's transaction; `undefined` when there is none, or only a soft-deleted one. */
  async read(manager: EntityManager, id: ObjectLiteral): Promise<RowState | undefined> {
    const state = await this.find(manager, id);
    return state?.isDeleted ? undefined : state;
  }

  /** The same, also of a row that was deleted softly; of parts only where neither they nor their root were. */
  async find(manager: EntityManager, id: ObjectLiteral): Promise<RowState | undefined> {
    const values = this.#metadata.primaryColumns.map((column) => column.getEntityValue(id) as unknown);
    const rows: ObjectLiteral[] = await manager.query((this.#sql ??= this.#compile(manager)), values);
    const [row] = rows;
    return row && this.#stateOf(row, manager);
  }

  /** The version that a returned value shows; `undefined` when it shows none, or is about another row. */
  shownBy(value: unknown, id?: ObjectLiteral): ShownVersion | undefined {
    const carrier = this.#carrierIn(value);
    if (carrier === undefined || !this.#isAbout(carrier, id)) return undefined;
    const version: unknown = this.#carrier.versionColumn!.getEntityValue(carrier);
    if (!isVersion(version)) return undefined;
    const modified: unknown = this.#carrier.updateDateColumn?.getEntityValue(carrier);
    return { version, lastModified: dateOf(modified) };
  }

  #carrierIn(value: unknown): ObjectLiteral | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    if (this.#relation === undefined) return value;
    // A handler of a part may as well return the whole aggregate.
    const { target } = this.#carrier;
    if (typeof target === 'function' && value instanceof target) return value;
    const root: unknown = this.#relation.isLazy ? undefined : this.#relation.getEntityValue(value);
    return typeof root === 'object' && root !== null ? root : undefined;
  }

  /** A representation need not show its key; one that shows another one is not that of this resource. */
  #isAbout(carrier: ObjectLiteral, id: ObjectLiteral | undefined): boolean {
    if (id === undefined || !this.isOwn) return true;
    return this.#metadata.primaryColumns.every((column) => {
      const shown: unknown = column.getEntityValue(carrier);
      return shown === undefined || textOf(shown) === textOf(column.getEntityValue(id));
    });
  }

  /** Compiled once: the statement is the same for every id. */
  #compile(manager: EntityManager): string {
    const builder = manager.createQueryBuilder(this.#metadata.target, 'part').select([]);
    const alias = this.#relation === undefined ? 'part' : 'root';
    if (this.#relation === undefined) builder.withDeleted();
    else builder.innerJoin(`part.${this.#relation.propertyPath}`, 'root');
    for (const column of this.#columns)
      builder.addSelect(`${alias}.${column.propertyPath}`, column.databaseName);
    const conditions = this.#metadata.primaryColumns.map(
      ({ propertyPath }, index) => `part.${propertyPath} = :key${index}`,
    );
    const keys = Object.fromEntries(conditions.map((_, index) => [`key${index}`, index]));
    return builder
      .where(conditions.join(' AND '), keys)
      .getQuery()
      .replace(/:key(\d+)/g, placeholder);
  }

  get #columns(): ColumnMetadata[] {
    const { primaryColumns, versionColumn, updateDateColumn, deleteDateColumn } = this.#carrier;
    const dates = [updateDateColumn, deleteDateColumn].filter((column) => column !== undefined);
    return [...primaryColumns, versionColumn!, ...dates];
  }

  #stateOf(row: ObjectLiteral, { connection: { driver } }: EntityManager): RowState {
    const valueOf = (column: ColumnMetadata): unknown =>
      driver.prepareHydratedValue(row[column.databaseName], column);
    const { primaryColumns, versionColumn, updateDateColumn, deleteDateColumn } = this.#carrier;
    const id: ObjectLiteral = {};
    for (const column of primaryColumns) column.setEntityValue(id, valueOf(column));
    return {
      id,
      version: valueOf(versionColumn!) as Version,
      lastModified: updateDateColumn && dateOf(valueOf(updateDateColumn)),
      isDeleted: deleteDateColumn !== undefined && row[deleteDateColumn.databaseName] !== null,
    };
  }
}

/** `undefined` where the entity is no part of anything: it is the root itself. */
function rootRelationOf(metadata: EntityMetadata): RelationMetadata | undefined {
  const [declaration] = versionedByOf(metadata.target);
  if (declaration === undefined) return undefined;
  const path = String(declaration.relation(metadata.propertiesMap as never));
  return metadata.findRelationWithPropertyPath(path);
}

function placeholder(_name: string, index: string): string {
  return `$${Number(index) + 1}`;
}

function isVersion(value: unknown): value is Version {
  return Number.isSafeInteger(value) || (typeof value === 'string' && /^\d+$/.test(value));
}

/** A serialiser may have made a string of it. */
function dateOf(value: unknown): Date | undefined {
  const date = typeof value === 'string' ? new Date(value) : value;
  return date instanceof Date && !Number.isNaN(date.getTime()) ? date : undefined;
}

/** UUIDs may be given in either case. */
function textOf(value: unknown): string {
  return String(value).toLowerCase();
}
