import { UpdateQueryBuilder, UpdateResult, type ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { RootLink } from './entity-facts.js';
import { factsOf, metadataOf, noteWritten, returningOf, withColumnNames } from './builder-facts.js';
import { keeperOf } from './keeper-of.js';
import { keyOf, rowOf, type Row } from './row.js';
import { isEmpty, withoutColumn } from './value-map.js';
import type { VersionCheck } from './version-keeper.js';
import { isSameVersion, type Version } from './version.js';
import { versionCondition } from './version-condition.js';
import { foreignKeyIn, hydrated, rootOf, type WrittenRows } from './written-rows.js';

/** An UPDATE. What `save()` sends carries the expected version in its WHERE. */
export class CheckedUpdate<E extends ObjectLiteral> extends UpdateQueryBuilder<E> {
  #check: VersionCheck | undefined;
  /** TypeORM's id map, where the UPDATE is a part of a `save()`. */
  #id: ObjectLiteral | undefined;
  #rows: WrittenRows | undefined;
  /** Whether it is a `save()` of an aggregate's part. */
  #isPart = false;

  override set(values: Parameters<UpdateQueryBuilder<E>['set']>[0]): this {
    return super.set(this.#isPathOfTree(values) ? this.#withVersionAsIs(values) : values);
  }

  override whereEntity(entity: E | E[]): this {
    super.whereEntity(entity);
    return this.#guard(entity);
  }

  override where(...all: Parameters<UpdateQueryBuilder<E>['where']>): this {
    super.where(...all);
    // A row that `save()` takes away from its parent is not an entity in the caller's hands: it has no version to check.
    if (keeperOf(this.connection).carried.entityOf(all[0]) !== undefined) this.#id = all[0] as ObjectLiteral;
    return this;
  }

  override async execute(): Promise<UpdateResult> {
    const keeper = keeperOf(this.connection);
    const check = this.#check;
    if (this.#id !== undefined && isEmpty(this.expressionMap.valuesSet)) return unchanged();
    try {
      const result = await keeper.statements.execute({
        kind: 'update',
        metadata: metadataOf(this),
        runner: this.queryRunner,
        ...(this.#id && { rows: [keyOf(metadataOf(this)!, this.#id)] }),
        formerRoots: () => this.#formerRoots(),
        send: (rows) => {
          this.#rows = rows;
          return super.execute();
        },
      });
      if (check !== undefined) this.#assertWritten(check, result);
      else if (this.#isPart && result.affected === 0) throw this.#partIsGone();
      return result;
    } catch (error) {
      throw check === undefined ? error : keeper.explain(check, error);
    }
  }

  /** What `execute()` sends for an entity, which is to be sent by another way. */
  statementWith(rows: WrittenRows | undefined): [sql: string, parameters: any[]] {
    this.#rows = rows;
    this.expressionMap.extraReturningColumns = metadataOf(this)!.columns.filter(
      ({ asExpression, isUpdateDate, isVersion }) => asExpression !== undefined || isUpdateDate || isVersion,
    );
    return this.getQueryAndParameters();
  }

  protected override createReturningExpression(type: 'insert' | 'update' | 'delete'): string {
    return returningOf(this, this.#rows, super.createReturningExpression(type));
  }

  protected override replacePropertyNamesForTheWholeQuery(statement: string): string {
    return withColumnNames(this, statement, () => super.replacePropertyNamesForTheWholeQuery(statement));
  }

  #guard(id: ObjectLiteral): this {
    const keeper = keeperOf(this.connection);
    const operation = keeper.operations.current;
    const facts = factsOf(this);
    if (operation === undefined || facts === undefined || keeper.carried.entityOf(id) === undefined)
      return this;
    this.#id = id;
    this.#isPart = facts.roots.length > 0;
    if (facts.version === undefined) return this;
    this.#check = keeper.checkOf(id, facts, operation);
    this.#takeVersionOut(facts.version);
    // Also where nothing is to be reloaded: without the new version the entity could not be saved again.
    this.updateEntity(true);
    if (this.#check !== undefined) this.andWhere(...versionCondition(this, this.#check));
    return this;
  }

  /**
   * The version is never written from the entity. That it differs from what `save()`'s own SELECT saw means that the entity
   * is stale, unless its version is ahead of the row's because it will go up at COMMIT. Nothing but the version may differ,
   * where another one wrote the very same values; that is a conflict all the same.
   */
  #takeVersionOut(column: ColumnMetadata): void {
    const values = this.expressionMap.valuesSet as ObjectLiteral;
    const check = this.#check;
    if (column.getEntityValue(values) === undefined) return;
    this.expressionMap.valuesSet = withoutColumn(values, column);
    const operation = keeperOf(this.connection).operations.current!;
    if (check === undefined || operation.written.has(check.row.key)) return;
    const entity = operation.databaseEntity(check.row.key);
    const actual = entity && (column.getEntityValue(entity) as Version);
    if (actual !== undefined && !isSameVersion(actual, check.expected))
      throw keeperOf(this.connection).refuse(check, { actual });
  }

  #assertWritten(check: VersionCheck, { affected, generatedMaps }: UpdateResult): void {
    const keeper = keeperOf(this.connection);
    if (affected !== 1) throw keeper.refuse(check);
    noteWritten(this, check, generatedMaps[0]);
  }

  /** A part without a version of its own: nobody but the count tells that its row was deleted meanwhile. */
  #partIsGone(): Error {
    const keeper = keeperOf(this.connection);
    const { keeping, kind } = keeper.operations.current!;
    const row = rowOf(factsOf(this)!, this.#id!);
    const check = { row, expected: undefined, what: `${kind}()`, isPrecondition: false, keeping };
    return keeper.refuse(check, { actual: null });
  }

  /** A tree of TypeORM's keeps the path of a row in a statement of its own, of which the entity knows nothing. */
  #isPathOfTree(values: object): boolean {
    const path = metadataOf(this)?.materializedPathColumn?.propertyPath;
    return path !== undefined && factsOf(this)?.version !== undefined && Object.keys(values).join() === path;
  }

  #withVersionAsIs<V extends object>(values: V): V {
    const { version } = factsOf(this)!;
    return { ...values, ...version!.createValueMap(() => this.escape(version!.databaseName)) };
  }

  async #formerRoots(): Promise<readonly Row[]> {
    const values = this.expressionMap.valuesSet as ObjectLiteral;
    const moved = factsOf(this)!.roots.filter((link) => isSet(link, values));
    if (moved.length === 0) return [];
    const known = this.#databaseEntity;
    if (known !== undefined && moved.every((link) => isLoaded(link, known)))
      return moved.flatMap((link) => rootOf(link, (column) => foreignKeyIn(known, column)) ?? []);
    return await this.#readFormerRoots(moved);
  }

  get #databaseEntity(): ObjectLiteral | undefined {
    if (this.#id === undefined) return undefined;
    return keeperOf(this.connection).operations.current?.databaseEntity(keyOf(metadataOf(this)!, this.#id));
  }

  /** Locks the rows, so that none is moved between this statement and the UPDATE. */
  async #readFormerRoots(moved: readonly RootLink[]): Promise<readonly Row[]> {
    const columns = [...new Set(moved.flatMap((link) => link.columns))];
    const list = columns
      .map(({ databaseName }, index) => `${this.escape(databaseName)} AS "${index}"`)
      .join(', ');
    const from = `${this.getTableName(this.getMainTableName())}${this.createWhereExpression()}`;
    const sql = this.replacePropertyNamesForTheWholeQuery(`SELECT ${list} FROM ${from} FOR NO KEY UPDATE`);
    const query = this.connection.driver.escapeQueryWithParameters(sql, this.getParameters());
    const runner = this.obtainQueryRunner();
    const found = (await runner.query(...query)) as ObjectLiteral[];
    return found.flatMap((raw) =>
      moved.flatMap((link) => rootOf(link, (column) => hydrated(column, raw[columns.indexOf(column)])) ?? []),
    );
  }
}

/** Whether the UPDATE sets what leads to the root: the relation, or its foreign key where that is a property, too. */
function isSet({ relation, columns }: RootLink, values: ObjectLiteral): boolean {
  if (relation?.getEntityValue(values) !== undefined) return true;
  return columns.some((column) => column.getEntityValue(values) !== undefined);
}

function isLoaded({ columns }: RootLink, entity: ObjectLiteral): boolean {
  return columns.every((column) => foreignKeyIn(entity, column) !== undefined);
}

/** What `save()` gets where there is nothing to write. */
function unchanged(): UpdateResult {
  return Object.assign(new UpdateResult(), { raw: [], affected: 1, generatedMaps: [] });
}
