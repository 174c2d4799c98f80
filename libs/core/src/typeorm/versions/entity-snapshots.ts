import type { ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { EntityFacts } from './entity-facts.js';
import { keyOf } from './row.js';

/** Beyond this many rows of one query, memory matters more than the SELECT that a `save()` would be spared. */
const MOST_PER_QUERY = 1000;

/** What an entity was when it was loaded. */
export interface Snapshot {
  readonly key: string;
  /** Stands in for what `save()` would read again to find out what has changed. */
  readonly copy: ObjectLiteral;
}

/**
 * The entities that a transaction has loaded or saved, as they were then. What `save()` writes is the difference to the row;
 * the version in the WHERE says whether the row still is what it was, so there is no need to read it again.
 */
export class EntitySnapshots {
  #snapshots = new WeakMap<object, Snapshot>();

  take(facts: EntityFacts, entities: readonly ObjectLiteral[]): void {
    if (entities.length > MOST_PER_QUERY || !canBeSnapshot(facts)) return;
    for (const entity of entities) {
      const copy = copyOf(facts, entity);
      if (copy !== undefined) this.#snapshots.set(entity, { copy, key: keyOf(facts.metadata, entity) });
    }
  }

  /** The entity was saved, so it is as the row is now; unless the database writes a changed value in another way. */
  renew(facts: EntityFacts, entity: ObjectLiteral): void {
    const before = this.#snapshots.get(entity);
    this.#snapshots.delete(entity);
    if (before === undefined) return;
    const copy = copyOf(facts, entity);
    if (
      copy !== undefined &&
      facts.metadata.columns.every((column) => isReadBackAsIs(column, copy, before.copy))
    )
      this.#snapshots.set(entity, { copy, key: before.key });
  }

  of(entity: object): Snapshot | undefined {
    return this.#snapshots.get(entity);
  }

  forget(entity: object): void {
    this.#snapshots.delete(entity);
  }

  /** A savepoint was rolled back: the rows are not what they were any more. */
  forgetAll(): void {
    this.#snapshots = new WeakMap();
  }
}

/**
 * Left to TypeORM's own SELECT: what carries no enforced version, and is no part of what does; what listens to loading, which
 * that SELECT fires; trees, whose executors look at the parent that it brings; transformed values, of which nobody knows
 * whether they can be copied.
 */
function canBeSnapshot({ metadata, version, roots }: EntityFacts): boolean {
  const isChecked = version !== undefined || roots.length > 0;
  if (!isChecked || metadata.treeType !== undefined || isLoadHeard(metadata)) return false;
  return !metadata.columns.some(({ transformer }) => transformer !== undefined);
}

function isLoadHeard({ afterLoadListeners, dataSource }: EntityFacts['metadata']): boolean {
  return (
    afterLoadListeners.length > 0 || dataSource.subscribers.some(({ afterLoad }) => afterLoad !== undefined)
  );
}

/** `undefined` where the entity is known only in part, or by an SQL expression: that cannot be compared. */
function copyOf({ metadata }: EntityFacts, entity: ObjectLiteral): ObjectLiteral | undefined {
  const copy = metadata.create() as ObjectLiteral;
  for (const column of metadata.columns) {
    if (!isProperty(column)) continue;
    const isPlain = column.embeddedMetadata === undefined;
    const value: unknown = isPlain ? entity[column.propertyName] : column.getEntityValue(entity);
    if (value === undefined || typeof value === 'function') return undefined;
    if (isPlain) copy[column.propertyName] = cloneOf(value);
    else column.setEntityValue(copy, cloneOf(value));
  }
  return copy;
}

const READ_BACK: readonly (readonly [type: string, columns: RegExp])[] = [
  ['string', /^(?:text|varchar|character varying)$/],
  ['number', /^(?:int|int2|int4|integer|smallint)$/],
  ['boolean', /^(?:bool|boolean)$/],
];

/** Whether a changed value is read back just as it was given, and not as `2.00` for `2`. */
function isReadBackAsIs(column: ColumnMetadata, now: ObjectLiteral, before: ObjectLiteral): boolean {
  const value: unknown = column.getEntityValue(now);
  const isGenerated = column.isVersion || column.isUpdateDate;
  if (isGenerated || value === null || isSame(value, column.getEntityValue(before))) return true;
  const type = column.entityMetadata.dataSource.driver.normalizeType(column);
  return READ_BACK.some(([each, columns]) => typeof value === each && columns.test(type));
}

function isSame(one: unknown, other: unknown): boolean {
  return one instanceof Date && other instanceof Date ? one.getTime() === other.getTime() : one === other;
}

/** Whether every load brings it as a property of its own. */
function isProperty({ isVirtual, isVirtualProperty, isDiscriminator, isSelect }: ColumnMetadata): boolean {
  return isSelect && !isVirtual && !isVirtualProperty && !isDiscriminator;
}

/**
 * The user may change what a column holds in place. Not structuredClone: TypeORM compares constructors, and those of another
 * realm (in jest, say) would count as a change.
 */
function cloneOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return new Date(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(cloneOf);
  const clone = Object.create(Object.getPrototypeOf(value) as object) as ObjectLiteral;
  for (const [key, each] of Object.entries(value)) clone[key] = cloneOf(each);
  return clone;
}
