import type { DataSource, EntityMetadata, EntityTarget, ObjectLiteral, QueryRunner } from 'typeorm';
import {
  InvalidOptionsError,
  MissingVersionError,
  type OptimisticLockError,
  type TransactionError,
} from '../../errors.js';
import { VersionedUpdates } from '../compiled/versioned-updates.js';
import { hasOneSnapshot } from '../../transaction/transaction-options.js';
import type { ContextNamespace } from '../../context/context-namespace.js';
import { Aggregates } from './aggregates.js';
import { CarriedVersions } from './carried-versions.js';
import { Conflicts, isWrittenMeanwhile, type Conflict } from './conflicts.js';
import { EntityCatalogue, type EntityFacts } from './entity-facts.js';
import { HotRows, type HotRowsParts } from './hot-rows.js';
import { Persistence } from './persistence.js';
import { PersistOperations, type PersistOperation } from './persist-operation.js';
import { visitLoaded } from './related-entities.js';
import { keyOf, rowOf, shownId, type Row } from './row.js';
import { StatementMemo } from './statement-memo.js';
import { TrackedStatements } from './tracked-statements.js';
import type { BookKeeping, VersionBook } from './version-book.js';
import type { VersionOptions } from './version-policy.decorator.js';
import { isSameVersion, type Version } from './version.js';

export interface KeeperParts extends HotRowsParts {
  readonly dataSource: DataSource;
  readonly namespace: ContextNamespace;
  readonly options: VersionOptions;
  /** Whether what TypeORM does anew for each statement may be done once. */
  readonly fastPaths: boolean;
  /** That of the runner's transaction, or of the caller's where no runner is given; `undefined` outside of any. */
  readonly bookKeeping: (runner: QueryRunner | undefined) => BookKeeping | undefined;
  /** Runs `work` in a transaction of its own. */
  readonly inTransaction: <T>(label: string, work: () => Promise<T>) => Promise<T>;
}

/** How entities were loaded. */
export interface Loading {
  readonly runner: QueryRunner;
  readonly isLocking: boolean;
  /** Whether related entities came with them. */
  readonly hasJoins: boolean;
}

/** What a statement's WHERE has to say about the version of a row. */
export interface VersionCheck {
  readonly row: Row;
  readonly expected: Version;
  readonly what: string;
  readonly isPrecondition: boolean;
  readonly keeping: BookKeeping | undefined;
}

/** A check that failed, or that there was nothing to make of. */
type Refused = Omit<VersionCheck, 'expected'> & { readonly expected: Version | undefined };

/** Knows the entities of one data source, and decides which version a write of theirs has to meet. */
export class VersionKeeper {
  readonly carried = new CarriedVersions();
  readonly operations: PersistOperations;
  readonly conflicts: Conflicts;
  readonly hotRows: HotRows;
  readonly aggregates = new Aggregates(this);
  readonly statements = new TrackedStatements(this);
  readonly persistence = new Persistence(this);
  readonly dataSource: DataSource;
  /** `undefined` where nothing is to be remembered. */
  readonly memo: StatementMemo | undefined;
  readonly updates: VersionedUpdates | undefined;
  readonly bookKeeping: KeeperParts['bookKeeping'];
  readonly inTransaction: KeeperParts['inTransaction'];
  readonly #options: VersionOptions;
  #catalogue: EntityCatalogue | undefined;
  #catalogued: readonly EntityMetadata[] | undefined;

  /** @throws InvalidOptionsError for a version or an aggregate that cannot be enforced */
  constructor(parts: KeeperParts) {
    this.dataSource = parts.dataSource;
    this.bookKeeping = parts.bookKeeping;
    this.inTransaction = parts.inTransaction;
    this.#options = parts.options;
    this.memo = parts.fastPaths ? new StatementMemo() : undefined;
    this.updates = parts.fastPaths ? new VersionedUpdates(this) : undefined;
    this.operations = new PersistOperations(parts.namespace);
    this.conflicts = new Conflicts(parts.dataSource);
    this.hotRows = new HotRows(parts);
    if (this.dataSource.isInitialized) void this.catalogue;
  }

  /** Made anew when the DataSource was initialised again. */
  get catalogue(): EntityCatalogue {
    const { entityMetadatas } = this.dataSource;
    if (this.#catalogued !== entityMetadatas) {
      this.#catalogue = new EntityCatalogue(this.dataSource, this.#options);
      this.#catalogued = entityMetadatas;
      for (const facts of this.#catalogue.all) this.carried.follow(facts);
    }
    return this.#catalogue!;
  }

  factsOf(metadata: EntityMetadata): EntityFacts | undefined {
    return this.catalogue.of(metadata);
  }

  /** @throws InvalidOptionsError for what is no entity of the data source, or one without an enforced version */
  requireVersion(target: EntityTarget<ObjectLiteral>, what: string): EntityFacts {
    const isKnown = this.dataSource.hasMetadata(target);
    const facts = isKnown ? this.factsOf(this.dataSource.getMetadata(target)) : undefined;
    if (facts?.version !== undefined) return facts;
    const name = (target as { name?: string }).name ?? JSON.stringify(target);
    throw new InvalidOptionsError(
      `${what}: ${name} ${isKnown ? 'has no version that is enforced. Give it a @VersionColumn()' : 'is no entity of this data source'}.`,
      'entity',
    );
  }

  /**
   * Whether a SELECT of just this row should lock it at once: where the method that reads it keeps meeting conflicts there, and
   * would begin its next try with that lock.
   */
  shouldLock(metadata: EntityMetadata, id: ObjectLiteral, runner: QueryRunner | undefined): boolean {
    const facts = this.factsOf(metadata);
    const keeping = facts?.version && this.bookKeeping(runner);
    if (keeping === undefined || keeping.scope.readOnly || keeping.book.heldRows.length > 0) return false;
    const { scope } = keeping;
    const { definition } = scope.transaction;
    if (!definition.retry?.lockConflictingRow || hasOneSnapshot(definition)) return false;
    return this.hotRows.isHot(definition.label, keyOf(metadata, id));
  }

  /** What a transaction has loaded: the roots' versions count for their parts, the others spare `save()` a SELECT. */
  noteLoaded(metadata: EntityMetadata, entities: readonly ObjectLiteral[], loading: Loading): void {
    const { isLocking, hasJoins } = loading;
    const facts = this.factsOf(metadata);
    if (facts === undefined || entities.length === 0 || !(isFollowed(facts) || hasJoins)) return;
    const keeping = this.bookKeeping(loading.runner);
    if (keeping === undefined || keeping.scope.readOnly) return;
    keeping.book.snapshots.take(facts, entities);
    if (isLocking) for (const entity of entities) noteHeld(keeping.book, facts, entity);
    if (hasJoins && this.catalogue.hasRoots)
      visitLoaded(entities, metadata, (entity, of) => this.#noteRead(of, entity, keeping.book));
    else for (const entity of entities) this.#noteRead(metadata, entity, keeping.book);
  }

  #noteRead(metadata: EntityMetadata, entity: ObjectLiteral, book: VersionBook): void {
    const facts = this.factsOf(metadata);
    if (facts?.isRoot) this.aggregates.noteRead(facts, entity, book);
  }

  /**
   * What the write of a row must meet, where the write is part of a `save()` or its like and `id` is TypeORM's id map of an
   * entity; `undefined` when nothing is to be checked.
   *
   * @throws OptimisticLockError when it is clear already that the row is another one than expected
   * @throws MissingVersionError when the entity carries no version and the policy is `reject`
   */
  checkOf(id: ObjectLiteral, facts: EntityFacts, operation: PersistOperation): VersionCheck | undefined {
    const entity = this.carried.entityOf(id);
    if (entity === undefined || facts.version === undefined) return undefined;
    const row = rowOf(facts, id);
    const what = `${operation.kind}()`;
    const { keeping } = operation;
    const own = operation.written.get(row.key);
    if (own !== undefined) return { row, expected: own, what, isPrecondition: false, keeping };
    const book = keeping?.book;
    const version = (facts.version.getEntityValue(entity) as Version | null | undefined) ?? undefined;
    const current = version === undefined ? undefined : (book?.currentVersion(row.key, version) ?? version);
    const told = book?.unmetExpectation(row.key)?.version;
    if (told !== undefined) {
      const check = { row, expected: told, what, isPrecondition: true, keeping };
      if (current !== undefined && !isSameVersion(current, told)) throw this.refuse(check);
      return check;
    }
    const expected = current ?? this.#versionInstead(row, operation);
    return expected === undefined ? undefined : { row, expected, what, isPrecondition: false, keeping };
  }

  /** The rows of the given id maps as the transaction has loaded them; `undefined` unless that is known of every one. */
  loadedBefore(
    metadata: EntityMetadata,
    ids: readonly ObjectLiteral[],
    operation: PersistOperation,
  ): readonly ObjectLiteral[] | undefined {
    const facts = this.factsOf(metadata);
    const snapshots = facts && operation.snapshots(facts);
    if (snapshots === undefined || snapshots.size === 0) return undefined;
    const copies: ObjectLiteral[] = [];
    for (const id of ids) {
      const key = keyOf(metadata, id);
      const copy = snapshots.get(key);
      if (copy === undefined || !this.#isOfSameVersion(id, copy, { facts: facts!, key }, operation))
        return undefined;
      copies.push(copy);
    }
    return copies;
  }

  /** An entity that carries another version than it was loaded with is to be compared with what is there. */
  #isOfSameVersion(
    id: ObjectLiteral,
    copy: ObjectLiteral,
    { facts, key }: Pick<Row, 'facts' | 'key'>,
    { keeping }: PersistOperation,
  ): boolean {
    const { version } = facts;
    if (version === undefined) return true;
    const carried = version.getEntityValue(this.carried.entityOf(id)!) as Version | null | undefined;
    if (carried === undefined || carried === null) return false;
    return isSameVersion(keeping!.book.currentVersion(key, carried), version.getEntityValue(copy) as Version);
  }

  /**
   * TypeORM passes over what it is to soft-remove or to recover and does not find.
   *
   * @throws OptimisticLockError when an entity with a version has no row any more
   */
  assertAllExist(metadata: EntityMetadata, ids: readonly ObjectLiteral[], operation: PersistOperation): void {
    const facts = this.factsOf(metadata);
    if (facts?.version === undefined) return;
    for (const id of ids) {
      const row = rowOf(facts, id);
      const check = operation.databaseEntity(row.key) === undefined && this.checkOf(id, facts, operation);
      if (check) throw this.refuse(check, { actual: null });
    }
  }

  /** What counts where an entity carries no version. */
  #versionInstead(row: Row, operation: PersistOperation): Version | undefined {
    const { facts } = row;
    if (facts.missing === 'ignore') return undefined;
    if (facts.missing === 'reject') {
      const error = new MissingVersionError(facts.metadata.name, shownId(row), `${operation.kind}()`);
      markRollbackOnly(operation.keeping, error);
      throw error;
    }
    const databaseEntity = operation.databaseEntity(row.key);
    return databaseEntity && (facts.version!.getEntityValue(databaseEntity) as Version | undefined);
  }

  /** The error of a write that did not meet its check; the transaction can only be rolled back. */
  refuse(check: Refused, { actual, cause }: Pick<Conflict, 'actual' | 'cause'> = {}): OptimisticLockError {
    const { row, keeping, isPrecondition } = check;
    const held = keeping?.book.heldRows ?? [];
    const error = this.conflicts.about(row, { ...check, actual, cause }, held);
    const definition = keeping?.scope.transaction.definition;
    // Only what a method writes first can be locked before everything else without changing the order of its locks.
    const isFirst = held.every(({ key }) => key === row.key);
    if (isFirst && !isPrecondition && definition?.retry?.lockConflictingRow)
      this.hotRows.noteConflict(definition.label, row.key);
    markRollbackOnly(keeping, error);
    return error;
  }

  /** What the caller gets to see of a checked write's failure. */
  explain(check: VersionCheck, error: unknown): unknown {
    return isWrittenMeanwhile(error) ? this.refuse(check, { cause: error }) : error;
  }
}

function isFollowed({ version, roots }: EntityFacts): boolean {
  return version !== undefined || roots.length > 0;
}

function noteHeld(book: VersionBook, facts: EntityFacts, entity: ObjectLiteral): void {
  const id = facts.metadata.getEntityIdMap(entity);
  if (id !== undefined) book.noteHeld(rowOf(facts, id));
}

/** Other statements of the same call may have written something already. */
function markRollbackOnly(keeping: BookKeeping | undefined, error: TransactionError): void {
  if (keeping === undefined) return;
  keeping.scope.markRollbackOnly(error.message, error);
  keeping.scope.transaction.identified(error);
}
