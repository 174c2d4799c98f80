import type { EntityMetadata, ObjectLiteral, QueryRunner } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
// Not exported by the package's entry point.
import { Subject } from 'typeorm/persistence/Subject.js';
import { SubjectChangedColumnsComputer } from 'typeorm/persistence/SubjectChangedColumnsComputer.js';
import { OrmUtils } from 'typeorm/util/OrmUtils.js';
import type { CheckedUpdate } from '../versions/checked-update.js';
import type { EntityFacts } from '../versions/entity-facts.js';
import type { PersistOperation } from '../versions/persist-operation.js';
import type { VersionCheck, VersionKeeper } from '../versions/version-keeper.js';
import type { Version } from '../versions/version.js';
import type { WrittenRows } from '../versions/written-rows.js';
import { isAsExpected, isPlainToUpdate } from './update-text.js';

/** For how many sets of changed columns of an entity the text is kept. */
const MOST_SETS = 100;

/** One entity that is saved, in a transaction that has loaded it. */
export interface SavedEntity {
  readonly entity: ObjectLiteral;
  readonly metadata: EntityMetadata;
  readonly operation: PersistOperation;
  /** The runner that the caller's manager is bound to. */
  readonly runner: QueryRunner | undefined;
}

/** An entity and what it was loaded as. */
interface Update extends SavedEntity {
  readonly facts: EntityFacts;
  readonly id: ObjectLiteral;
  readonly changed: readonly ColumnMetadata[];
}

/**
 * Stands in for TypeORM's `save()` where that comes to one UPDATE of the entity's own columns, or to none: nothing listens, nothing cascades,
 * and the transaction knows what the row is.
 */
export class VersionedUpdates {
  readonly #plain = new WeakMap<EntityFacts, boolean>();
  readonly #texts = new WeakMap<EntityFacts, Map<string, string>>();

  constructor(private readonly keeper: VersionKeeper) {}

  /** @param plain - TypeORM's own `save()` */
  async save<R>(saved: SavedEntity, plain: () => Promise<R>): Promise<R> {
    const facts = this.keeper.factsOf(saved.metadata);
    if (facts === undefined || !this.#isPlain(facts)) return await plain();
    // As TypeORM does: what the caller changes right behind the call is saved, too.
    await Promise.resolve();
    const update = this.#updateOf(saved, facts);
    if (update === undefined) return await plain();
    if (update.changed.length > 0) await this.#perform(update);
    return saved.entity as R;
  }

  #isPlain(facts: EntityFacts): boolean {
    const { subscribers } = this.keeper.dataSource;
    if (subscribers.some((each) => 'beforeUpdate' in each || 'afterUpdate' in each)) return false;
    let answer = this.#plain.get(facts);
    if (answer === undefined) this.#plain.set(facts, (answer = isPlainToUpdate(facts)));
    return answer;
  }

  /** `undefined` where TypeORM has to look for itself. */
  #updateOf(saved: SavedEntity, facts: EntityFacts): Update | undefined {
    const { entity, metadata, operation } = saved;
    const { primaryColumns, relations } = metadata;
    if (![...primaryColumns, facts.version!].every(({ propertyName }) => Object.hasOwn(entity, propertyName)))
      return undefined;
    if (relations.some(({ propertyName }) => entity[propertyName] !== undefined)) return undefined;
    const id = metadata.getEntityIdMap(entity);
    const [before] = (id && this.keeper.loadedBefore(metadata, [id], operation)) ?? [];
    if (before === undefined) return undefined;
    const changed = changedColumns(metadata, entity, before);
    const isUnusual = changed.some(
      (column) => column.isVersion || typeof entity[column.propertyName] === 'function',
    );
    if (isUnusual) return undefined;
    operation.noteDatabaseEntities(metadata, [before]);
    return { ...saved, facts, id: id!, changed: changed.filter(({ isUpdate }) => isUpdate) };
  }

  async #perform(update: Update): Promise<void> {
    const { runner: own } = update;
    const runner = own ?? this.keeper.dataSource.createQueryRunner();
    try {
      const check = this.keeper.checkOf(update.id, update.facts, update.operation)!;
      const row = await this.#written(update, check, runner);
      showGenerated(update, row, runner);
    } finally {
      if (own === undefined) await runner.release();
    }
  }

  /** What the server has counted and dated. */
  async #written(update: Update, check: VersionCheck, runner: QueryRunner): Promise<ObjectLiteral> {
    const { keeper } = this;
    const { metadata, operation } = update;
    try {
      const { raw, affected } = await keeper.statements.execute({
        kind: 'update',
        metadata,
        runner,
        rows: [check.row.key],
        send: (rows) => this.#send(update, check, { rows, runner }),
      });
      if (affected !== 1) throw keeper.refuse(check);
      const generated = runner.connection.driver.createGeneratedMap(metadata, raw[0], 0, 1)!;
      const version = update.facts.version!.getEntityValue(generated) as Version;
      operation.written.set(check.row.key, version);
      check.keeping?.book.noteWritten(check.row, version);
      return generated;
    } catch (error) {
      throw keeper.explain(check, error);
    }
  }

  async #send(
    update: Update,
    check: VersionCheck,
    { rows, runner }: Sending,
  ): Promise<{ raw: ObjectLiteral[]; affected: number | undefined }> {
    const [sql, parameters] = this.#statementOf(update, check, { rows, runner });
    const { records, affected } = await runner.query(sql, parameters, true);
    return { raw: records as ObjectLiteral[], affected };
  }

  /** The first one of its kind is TypeORM's in every respect. */
  #statementOf(update: Update, { expected }: VersionCheck, { rows, runner }: Sending): [string, unknown[]] {
    const { changed, facts, entity, id } = update;
    const { metadata, version } = facts;
    const { driver } = runner.connection;
    const texts = this.#texts.get(facts) ?? new Map<string, string>();
    this.#texts.set(facts, texts);
    const names = changed.map(({ propertyName }) => propertyName);
    const key = `${metadata.tablePath} ${rows !== undefined} ${names.join()}`;
    const known = texts.get(key);
    if (known === undefined) {
      const statement = builderOf(update, runner).statementWith(rows);
      if (texts.size < MOST_SETS && isAsExpected(statement[0], changed, facts)) texts.set(key, statement[0]);
      return statement;
    }
    const values = changed.map(
      (each) => driver.preparePersistentValue(valueIn(entity, each), each) as unknown,
    );
    const keys = metadata.primaryColumns.map((column) => column.getEntityValue(id) as unknown);
    return [known, [...values, ...keys, driver.preparePersistentValue(expected, version!)]];
  }
}

interface Sending {
  /** What is followed, and has to be heard of in RETURNING. */
  readonly rows: WrittenRows | undefined;
  readonly runner: QueryRunner;
}

/** TypeORM's own comparison. */
function changedColumns(
  metadata: EntityMetadata,
  entity: ObjectLiteral,
  before: ObjectLiteral,
): readonly ColumnMetadata[] {
  const subject = new Subject({ metadata, entity });
  subject.databaseEntity = before;
  new SubjectChangedColumnsComputer().compute([subject]);
  return subject.diffColumns;
}

function builderOf(
  { metadata, entity, changed, id }: Update,
  runner: QueryRunner,
): CheckedUpdate<ObjectLiteral> {
  const values = {};
  for (const column of changed)
    OrmUtils.mergeDeep(values, column.createValueMap(entity[column.propertyName]));
  return runner.manager
    .createQueryBuilder()
    .update(metadata.target)
    .set(values)
    .updateEntity(true)
    .callListeners(false)
    .whereEntity(id) as CheckedUpdate<ObjectLiteral>;
}

/** As it comes out of the map that TypeORM collects changes in, which copies plain objects. */
function valueIn(entity: ObjectLiteral, column: ColumnMetadata): unknown {
  return column.getEntityValue(
    OrmUtils.mergeDeep({}, column.createValueMap(entity[column.propertyName])) as ObjectLiteral,
  );
}

/** As TypeORM leaves an entity that it has updated. */
function showGenerated({ metadata, entity }: Update, generated: ObjectLiteral, runner: QueryRunner): void {
  const { driver } = metadata.connection;
  for (const column of metadata.columns) {
    const value: unknown = column.getEntityValue(generated);
    if (value !== undefined && value !== null)
      column.setEntityValue(generated, driver.prepareHydratedValue(value, column));
    const isMissing = column.isNullable && !column.isVirtual && !column.isDeleteDate;
    if (isMissing && entity[column.propertyName] === undefined) column.setEntityValue(entity, null);
  }
  runner.manager.merge(metadata.target as never, entity, generated);
}
