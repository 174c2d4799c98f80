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
 * The entities that a transaction has loaded, as they were then. What `save()` writes is the difference to the row; the
 * version in the WHERE says whether the row still is what was loaded, so there is no need to read it again.
 */
export class EntitySnapshots {
  readonly #snapshots = new WeakMap<object, Snapshot>();

  take(facts: EntityFacts, entities: readonly ObjectLiteral[]): void {
    if (!canBeSnapshot(facts) || entities.length > MOST_PER_QUERY) return;
    for (const entity of entities) {
      const copy = copyOf(facts, entity);
      if (copy !== undefined) this.#snapshots.set(entity, { copy, key: keyOf(facts.metadata, entity) });
    }
  }

  of(entity: object): Snapshot | undefined {
    return this.#snapshots.get(entity);
  }

  forget(entity: object): void {
    this.#snapshots.delete(entity);
  }
}

/**
 * Left to TypeORM's own SELECT: what carries no enforced version, and is no part of what does; what listens to loading, which that SELECT fires; trees,
 * whose executors look at the parent that it brings; transformed and embedded values, which are objects of unknown kind.
 */
function canBeSnapshot({ metadata, version, roots }: EntityFacts): boolean {
  const isChecked = version !== undefined || roots.length > 0;
  if (!isChecked || metadata.treeType !== undefined || metadata.embeddeds.length > 0) return false;
  return !metadata.columns.some(({ transformer }) => transformer !== undefined) && !isLoadHeard(metadata);
}

function isLoadHeard({ afterLoadListeners, dataSource }: EntityFacts['metadata']): boolean {
  return (
    afterLoadListeners.length > 0 || dataSource.subscribers.some(({ afterLoad }) => afterLoad !== undefined)
  );
}

/** `undefined` where the entity was loaded only in part: what is missing cannot be compared. */
function copyOf({ metadata }: EntityFacts, entity: ObjectLiteral): ObjectLiteral | undefined {
  const copy = Object.create(Object.getPrototypeOf(entity) as object) as ObjectLiteral;
  for (const column of metadata.columns) {
    if (!isProperty(column)) continue;
    const value: unknown = entity[column.propertyName];
    if (value === undefined) return undefined;
    copy[column.propertyName] = typeof value === 'object' ? cloneOf(value) : value;
  }
  return copy;
}

/** Whether every load brings it as a property of its own. */
function isProperty({ isVirtual, isVirtualProperty, isDiscriminator, isSelect }: ColumnMetadata): boolean {
  return isSelect && !isVirtual && !isVirtualProperty && !isDiscriminator;
}

/** The user may change what a column holds in place. */
function cloneOf(value: object | null): unknown {
  if (value instanceof Date) return new Date(value);
  return Buffer.isBuffer(value) ? Buffer.from(value) : structuredClone(value);
}
