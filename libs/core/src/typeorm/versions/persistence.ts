import {
  EntitySchema,
  type EntityManager,
  type EntityMetadata,
  type EntityTarget,
  type ObjectLiteral,
} from 'typeorm';
import type { SavedEntity } from '../compiled/versioned-updates.js';
import { reaches, type EntityFacts } from './entity-facts.js';
import { Memento } from './in-memory-state.js';
import { PersistOperation, type PersistKind, type RootObjects } from './persist-operation.js';
import { relatedEntities } from './related-entities.js';
import { rowOf, versionIn } from './row.js';
import type { VersionKeeper } from './version-keeper.js';

/** The arguments that `save()` and its like take. */
export type PersistArguments = readonly unknown[];

/** What a call persists, each entity with its metadata. */
interface Persisted {
  readonly entities: readonly ObjectLiteral[];
  readonly metadatas: readonly EntityMetadata[];
}

/** Surrounds every `save()`, `remove()`, `softRemove()`, `recover()` and `upsert()` of a data source. */
export class Persistence {
  constructor(private readonly keeper: VersionKeeper) {}

  /**
   * Runs the call; its statements find out what it is a part of. Where it may write a part of an aggregate and no transaction
   * surrounds it, it gets one of its own, in which the root's version goes up, too.
   */
  async run<R>(
    kind: PersistKind,
    manager: EntityManager,
    all: PersistArguments,
    work: () => Promise<R>,
  ): Promise<R> {
    const { keeper } = this;
    const { entities, metadatas } = this.#entitiesIn(all);
    const keeping = keeper.bookKeeping(manager.queryRunner);
    const mayWriteParts = metadatas.some((metadata) => keeper.catalogue.mayWriteParts(metadata));
    if (mayWriteParts && keeping === undefined && manager.queryRunner === undefined)
      return await keeper.inTransaction(`${kind}()`, () => this.run(kind, manager, all, work));
    const roots = mayWriteParts ? this.#rootsAmong({ entities, metadatas }) : NO_ROOTS;
    const operation = new PersistOperation(kind, entities, keeping, roots);
    if (kind === 'remove')
      entities.forEach((entity, index) => this.#rememberRemoved(operation, entity, metadatas[index]!));
    try {
      const save = kind === 'save' ? this.#alone(manager, all, operation, metadatas) : undefined;
      const persist = save === undefined ? work : () => keeper.updates!.save(save, work);
      const result = await keeper.operations.run(operation, persist);
      this.#showRaised(operation);
      this.#renewSnapshots(operation, metadatas);
      return result;
    } catch (error) {
      for (const entity of entities) keeping?.book.snapshots.forget(entity);
      operation.undo();
      throw error;
    }
  }

  /** The entity that a `save()` is about, where it is about one, as usual, in a transaction. */
  #alone(
    { queryRunner: runner }: EntityManager,
    all: PersistArguments,
    operation: PersistOperation,
    [metadata]: readonly EntityMetadata[],
  ): SavedEntity | undefined {
    const [entity, ...others] = operation.entities;
    if (this.keeper.updates === undefined || operation.keeping === undefined) return undefined;
    if (entity === undefined || metadata === undefined || others.length > 0) return undefined;
    const index = all.indexOf(entity);
    const hasOptions = all.slice(index + 1).some((options) => options !== undefined);
    return index < 0 || hasOptions ? undefined : { entity, metadata, operation, runner };
  }

  /** TypeORM is about to write what the database generated into `entity`. */
  remember(entity: ObjectLiteral, target: EntityTarget<ObjectLiteral>): void {
    const operation = this.keeper.operations.current;
    if (operation === undefined || this.keeper.carried.entityOf(entity) !== undefined) return;
    const facts = this.keeper.factsOf(this.keeper.dataSource.getMetadata(target));
    if (facts !== undefined) operation.remember(new Memento(entity, facts.generated));
  }

  /** As TypeORM takes its mixed arguments: with or without the target, one entity or many. */
  #entitiesIn(all: PersistArguments): Persisted {
    const [first, second] = all;
    const hasTarget = all.length > 1 && (typeof first !== 'object' || first instanceof EntitySchema);
    const given = hasTarget ? second : first;
    const entities: ObjectLiteral[] = [];
    const metadatas: EntityMetadata[] = [];
    for (const entity of Array.isArray(given) ? given : [given]) {
      if (typeof entity !== 'object' || entity === null) continue;
      const metadata = this.#metadataOf(entity, hasTarget ? first : entity.constructor);
      if (metadata === undefined) continue;
      entities.push(entity);
      metadatas.push(metadata);
    }
    return { entities, metadatas };
  }

  /** `undefined` for what TypeORM is going to refuse. */
  #metadataOf(entity: ObjectLiteral, target: unknown): EntityMetadata | undefined {
    const { dataSource } = this.keeper;
    if (!dataSource.hasMetadata(target as EntityTarget<ObjectLiteral>)) return undefined;
    return dataSource.getMetadata(target as EntityTarget<ObjectLiteral>).findInheritanceMetadata(entity);
  }

  /** The roots among what is persisted, and those that a part among it refers to. */
  #rootsAmong({ entities, metadatas }: Persisted): ReadonlyMap<string, RootObjects> {
    const roots = new Map<string, RootObjects>();
    const seen = new Set<ObjectLiteral>();
    const add = (facts: EntityFacts, entity: ObjectLiteral, isReferred: boolean): void => {
      const id = facts.metadata.getEntityIdMap(entity);
      if (id === undefined) return;
      const row = rowOf(facts, id);
      const root = roots.get(row.key) ?? { row, objects: [], hasParts: false };
      roots.set(row.key, root);
      if (!root.objects.includes(entity)) root.objects.push(entity);
      root.hasParts ||= isReferred;
    };
    const visit = (entity: ObjectLiteral, metadata: EntityMetadata, parent?: ObjectLiteral): void => {
      if (seen.has(entity)) return;
      seen.add(entity);
      const facts = this.keeper.factsOf(metadata);
      if (facts?.isRoot) add(facts, entity, false);
      for (const { root, relation } of facts?.roots ?? []) {
        const referred = (relation?.getEntityValue(entity) as unknown) ?? parent;
        if (isEntityOf(referred, root)) add(root, referred, true);
      }
      for (const [relation, related, relatedMetadata] of relatedEntities(entity, metadata))
        if (reaches(relation)) visit(related, relatedMetadata, entity);
    };
    entities.forEach((entity, index) => visit(entity, metadatas[index]!));
    return roots;
  }

  /** TypeORM takes the key from what it has removed. */
  #rememberRemoved(
    operation: PersistOperation,
    entity: ObjectLiteral,
    metadata: EntityMetadata,
    seen = new Set(),
  ): void {
    if (seen.has(entity)) return;
    seen.add(entity);
    operation.remember(new Memento(entity, metadata.primaryColumns));
    for (const [relation, related, relatedMetadata] of relatedEntities(entity, metadata))
      if (relation.isCascadeRemove) this.#rememberRemoved(operation, related, relatedMetadata, seen);
  }

  /**
   * What was raised shows in the objects. Of the other roots, nothing had to be written, as far as this call's several
   * SELECTs together could tell: their parts may have been read before, and compared after, another one's COMMIT.
   */
  #showRaised({ kind, raised, roots, keeping }: PersistOperation): void {
    if (keeping === undefined) return;
    const { book } = keeping;
    for (const root of raised.values())
      this.keeper.aggregates.show(root, book, roots.get(root.key)?.objects ?? []);
    if (kind !== 'save') return;
    for (const [key, { row, objects, hasParts }] of roots) {
      const version = raised.has(key) || !hasParts ? undefined : versionIn(row, objects);
      if (version !== undefined) book.relyOn(row, book.currentVersion(key, version));
    }
  }

  /** What was saved is as the row is now; of all else, nobody knows. */
  #renewSnapshots({ kind, entities, keeping }: PersistOperation, metadatas: readonly EntityMetadata[]): void {
    if (keeping === undefined) return;
    const { snapshots } = keeping.book;
    entities.forEach((entity, index) => {
      const facts = this.keeper.factsOf(metadatas[index]!);
      if (kind === 'save' && facts !== undefined) snapshots.renew(facts, entity);
      else snapshots.forget(entity);
    });
  }
}

const NO_ROOTS: ReadonlyMap<string, RootObjects> = new Map();

/** A part that is saved along with its root need not refer to it. */
function isEntityOf(candidate: unknown, { metadata }: EntityFacts): candidate is ObjectLiteral {
  const { target } = metadata;
  return typeof target === 'function' && candidate instanceof target;
}
