import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import type { ContextNamespace } from '../../context/context-namespace.js';
import { annotate, lookup } from '../../context/frame.js';
import type { EntityFacts } from './entity-facts.js';
import { restoreAll, type Memento } from './in-memory-state.js';
import { keyOf, type Row } from './row.js';
import type { Version } from './version.js';
import type { BookKeeping } from './version-book.js';

export type PersistKind = 'save' | 'remove' | 'softRemove' | 'recover' | 'upsert';

/** The objects of one root that a call can reach, each with the version it carries. */
export interface RootObjects {
  readonly row: Row;
  readonly objects: ObjectLiteral[];
  /** Whether the call can reach parts of it, too. */
  hasParts: boolean;
}

/** One call of `save()` or of its like, with everything that it cascades to. */
export class PersistOperation {
  /** The version that each row has after the statements of this call so far. */
  readonly written = new Map<string, Version>();
  /** Roots whose version goes up because of this call. */
  readonly raised = new Map<string, Row>();
  /** Rows as the call's own SELECT saw them. */
  readonly #databaseEntities = new Map<string, ObjectLiteral>();
  readonly #mementos: Memento[] = [];

  constructor(
    readonly kind: PersistKind,
    /** What was passed to the call. */
    readonly entities: readonly ObjectLiteral[],
    /** What the transaction it is a part of keeps; `undefined` when it begins and ends one of TypeORM's own. */
    readonly keeping: BookKeeping | undefined,
    /** The roots among the entities and their relations, by row. */
    readonly roots: ReadonlyMap<string, RootObjects>,
  ) {}

  noteDatabaseEntities(metadata: EntityMetadata, entities: readonly ObjectLiteral[]): void {
    for (const entity of entities) this.#databaseEntities.set(keyOf(metadata, entity), entity);
  }

  /** Rows as the transaction has loaded them, by key: of what was passed to the call, and not written since. */
  snapshots(facts: EntityFacts): ReadonlyMap<string, ObjectLiteral> {
    const { keeping, entities } = this;
    if (keeping === undefined) return NOTHING;
    const found = entities.map((entity) => keeping.book.snapshots.of(entity, facts));
    return new Map(
      found.flatMap((snapshot) => (snapshot === undefined ? [] : [[snapshot.key, snapshot.copy]])),
    );
  }

  databaseEntity(key: string): ObjectLiteral | undefined {
    return this.#databaseEntities.get(key);
  }

  /** Remembers what is about to change in memory, for the rollback of whatever transaction the call is a part of. */
  remember(memento: Memento): void {
    if (this.keeping === undefined) this.#mementos.push(memento);
    else this.keeping.book.remember(memento);
  }

  /** The call failed, and with it the transaction that TypeORM had begun for it. */
  undo(): void {
    restoreAll(this.#mementos.splice(0));
  }
}

const NOTHING: ReadonlyMap<string, ObjectLiteral> = new Map();

/** Which call the running statement belongs to: noted in the frame, as a second storage would cost every promise there is. */
export class PersistOperations {
  constructor(private readonly namespace: ContextNamespace) {}

  get current(): PersistOperation | undefined {
    return lookup(this.namespace.frame, this) as PersistOperation | undefined;
  }

  run<R>(operation: PersistOperation, work: () => R): R {
    return this.namespace.run(annotate(this.namespace.frame, this, operation), work);
  }
}
