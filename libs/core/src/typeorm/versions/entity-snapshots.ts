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
  /** How many writes there had been before. */
  readonly takenAt: number;
}

/**
 * The entities that a transaction has loaded or saved, as they were then. What `save()` writes is the difference to the row;
 * the version in the WHERE says whether the row still is what it was, so there is no need to read it again. What the
 * transaction itself has written since, by whatever other way, counts as well: the row is not what was loaded any more.
 */
export class EntitySnapshots {
  #snapshots = new WeakMap<object, Snapshot>();
  #writes = 0;
  /** When anything was written of which nobody knows what it was. */
  #lastUnknown = 0;
  /** When a table, or a row, was written last. */
  readonly #lastWrites = new Map<string, number>();
  /** Statements that are about to be sent, and will say by themselves what they wrote. */
  readonly #announced: object[] = [];

  take(facts: EntityFacts, entities: readonly ObjectLiteral[]): void {
    if (entities.length > MOST_PER_QUERY || !canBeSnapshot(facts)) return;
    for (const entity of entities) this.#keep(facts, entity);
  }

  /** The entity was saved, so it is as the row is now; unless the database writes a changed value in another way. */
  renew(facts: EntityFacts, entity: ObjectLiteral): void {
    const before = this.#snapshots.get(entity);
    this.#snapshots.delete(entity);
    if (before === undefined) return;
    const properties = facts.metadata.columns.filter(isProperty);
    const isReadBack = properties.every((column) => isReadBackAsIs(column, entity, before.copy));
    if (isReadBack) this.#keep(facts, entity);
  }

  /** `undefined` where the row has been written since. */
  of(entity: object, { metadata: { tablePath } }: EntityFacts): Snapshot | undefined {
    const snapshot = this.#snapshots.get(entity);
    if (snapshot === undefined) return undefined;
    const writes = [this.#lastWrites.get(tablePath), this.#lastWrites.get(snapshot.key), this.#lastUnknown];
    return writes.some((write = 0) => write > snapshot.takenAt) ? undefined : snapshot;
  }

  forget(entity: object): void {
    this.#snapshots.delete(entity);
  }

  /** A savepoint was rolled back: the rows are not what they were any more. */
  forgetAll(): void {
    this.#snapshots = new WeakMap();
  }

  /** @param what - the key of a row, or the path of a table of which any row may be meant */
  noteWrite(what: string): void {
    this.#lastWrites.set(what, ++this.#writes);
  }

  /** Runs what sends a statement of which it will be said what it wrote. */
  async announced<T>(send: () => Promise<T>): Promise<T> {
    const announced = {};
    this.#announced.push(announced);
    try {
      return await send();
    } finally {
      const index = this.#announced.indexOf(announced);
      if (index >= 0) this.#announced.splice(index, 1);
    }
  }

  /** A statement is sent, by whomever. */
  noteSent(sql: string): void {
    if (!WRITES.test(sql) || this.#announced.shift() !== undefined) return;
    this.#lastUnknown = ++this.#writes;
  }

  #keep(facts: EntityFacts, entity: ObjectLiteral): void {
    const copy = copyOf(facts, entity);
    if (copy === undefined) return;
    this.#snapshots.set(entity, { copy, key: keyOf(facts.metadata, entity), takenAt: this.#writes });
  }
}

const WRITES = /^\s*(?:insert|update|delete|merge|with|truncate|call|do|copy)\b/i;

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

function isLoadHeard({ afterLoadListeners, connection }: EntityFacts['metadata']): boolean {
  return (
    afterLoadListeners.length > 0 || connection.subscribers.some((subscriber) => 'afterLoad' in subscriber)
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
  const type = column.entityMetadata.connection.driver.normalizeType(column);
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
