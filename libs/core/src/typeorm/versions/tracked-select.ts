import {
  RelationQueryBuilder,
  SelectQueryBuilder,
  type DataSource,
  type EntityMetadata,
  type ObjectLiteral,
  type QueryRunner,
} from 'typeorm';
import { withColumnNames } from './builder-facts.js';
import { CheckedDelete } from './checked-delete.js';
import { CheckedInsert } from './checked-insert.js';
import { CheckedSoftDelete } from './checked-soft-delete.js';
import { CheckedUpdate } from './checked-update.js';
import { keeperOf } from './keeper-of.js';

type AnyMethod = (...all: any[]) => any;

/**
 * Where every query of an enlisted data source begins. It leads on to the checked statements, and a SELECT notes in the
 * transaction's book what it has loaded.
 */
export class TrackedSelect<E extends ObjectLiteral> extends SelectQueryBuilder<E> {
  /** The id maps whose rows `save()` or its like wants to compare with. */
  #compared: readonly ObjectLiteral[] | undefined;

  // Each of the checked builders copies this one, and then makes of itself what it was asked for.

  override insert(): any {
    return new CheckedInsert<any>(this).insert();
  }

  override update(...all: any[]): any {
    return (new CheckedUpdate<any>(this).update as AnyMethod)(...all);
  }

  override delete(): any {
    return new CheckedDelete<any>(this).delete();
  }

  override softDelete(): any {
    return new CheckedSoftDelete<any>(this).softDelete();
  }

  override restore(): any {
    return new CheckedSoftDelete<any>(this).restore();
  }

  override relation(...all: any[]): any {
    return (new TrackedRelation<any>(this).relation as AnyMethod)(...all);
  }

  override whereInIds(ids: any): this {
    super.whereInIds(ids);
    const { carried, operations } = keeperOf(this.connection);
    const isOfPersistence =
      operations.current !== undefined && Array.isArray(ids) && ids.every((id) => carried.entityOf(id));
    if (isOfPersistence) this.#compared = ids as ObjectLiteral[];
    return this;
  }

  override async getMany(): Promise<E[]> {
    if (this.#compared === undefined) return await super.getMany();
    const { metadata } = this.expressionMap.mainAlias!;
    const keeper = keeperOf(this.connection);
    const operation = keeper.operations.current!;
    const known = this.#needsRelations ? undefined : keeper.loadedBefore(metadata, this.#compared, operation);
    const version = keeper.factsOf(metadata)?.version;
    if (known === undefined && version?.isSelect === false)
      this.addSelect(`${this.alias}.${version.propertyPath}`);
    const entities = (known as E[] | undefined) ?? (await super.getMany());
    operation.noteDatabaseEntities(metadata, entities);
    if (operation.kind === 'softRemove' || operation.kind === 'recover')
      keeper.assertAllExist(metadata, this.#compared, operation);
    return entities;
  }

  protected override async executeEntitiesAndRawResults(
    runner: QueryRunner,
  ): Promise<{ entities: E[]; raw: any[] }> {
    this.#lockIfHot(runner);
    const result = await super.executeEntitiesAndRawResults(runner);
    const { mainAlias, lockMode, joinAttributes } = this.expressionMap;
    if (this.#compared === undefined && mainAlias!.hasMetadata)
      keeperOf(this.connection).noteLoaded(mainAlias!.metadata, result.entities, {
        runner,
        hasJoins: joinAttributes.length > 0,
        isLocking: lockMode === 'for_no_key_update' || lockMode === 'pessimistic_write',
      });
    return result;
  }

  protected override createSelectExpression(): string {
    const plain = (): string => super.createSelectExpression();
    const { memo } = keeperOf(this.connection);
    return memo !== undefined && this.#isOfWholeEntity ? memo.textOf(this, this.#selectKey, plain) : plain();
  }

  protected override replacePropertyNamesForTheWholeQuery(statement: string): string {
    return withColumnNames(this, statement, () => super.replacePropertyNamesForTheWholeQuery(statement));
  }

  /** Of a row that is found by its key alone, everybody's next step is known where they keep meeting at it. */
  #lockIfHot(runner: QueryRunner): void {
    const keeper = keeperOf(this.connection);
    const { mainAlias, lockMode, joinAttributes } = this.expressionMap;
    const { where } = this.findOptions;
    if (keeper.hotRows.areNone || where === undefined || Array.isArray(where) || this.#compared !== undefined)
      return;
    if (lockMode !== undefined || joinAttributes.length > 0 || !mainAlias!.hasMetadata) return;
    const { metadata } = mainAlias!;
    if (isKeyOf(metadata, where) && keeper.shouldLock(metadata, where, runner))
      this.setLock('for_no_key_update', undefined, [this.escape(this.alias)]);
  }

  /** Whether it selects the columns of one entity, and nothing else: these are always the same. */
  get #isOfWholeEntity(): boolean {
    const { mainAlias, aliases, selects, selectDistinct, selectDistinctOn, useIndex } = this.expressionMap;
    if (aliases.length !== 1 || selects.length !== 1 || !mainAlias?.hasMetadata) return false;
    if (selects[0]!.selection !== mainAlias.name || selects[0]!.aliasName !== undefined) return false;
    if (selectDistinct || selectDistinctOn.length > 0 || useIndex !== undefined) return false;
    return !mainAlias.metadata.columns.some(({ isVirtualProperty }) => isVirtualProperty);
  }

  get #selectKey(): string {
    const { mainAlias, queryEntity } = this.expressionMap;
    return `select ${queryEntity} ${mainAlias!.tablePath}`;
  }

  /** Whether relations are compared, too, of which the transaction has kept nothing. */
  get #needsRelations(): boolean {
    const { loadRelationIds } = this.findOptions;
    return typeof loadRelationIds !== 'object' || (loadRelationIds.relations?.length ?? 0) > 0;
  }
}

function isKeyOf({ primaryColumns }: EntityMetadata, where: ObjectLiteral): boolean {
  const isValue = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';
  return (
    Object.keys(where).length === primaryColumns.length &&
    primaryColumns.every((column) => isValue(column.getEntityValue(where)))
  );
}

/** Stands in for `dataSource.createQueryBuilder()`, with its two forms: of an entity, or of nothing yet. */
export function queryBuilderFactory(dataSource: DataSource): DataSource['createQueryBuilder'] {
  const plain = dataSource.createQueryBuilder.bind(dataSource) as AnyMethod;
  return (...[target, alias, runner]: any[]): any => {
    if (!alias) return new TrackedSelect(dataSource, target as QueryRunner | undefined);
    // TypeORM shortens it.
    if (alias.length > dataSource.driver.maxAliasLength!)
      return new TrackedSelect(plain(target, alias, runner));
    const { target: entity } = dataSource.getMetadata(target);
    return new TrackedSelect(dataSource, runner).select(alias).from(entity, alias);
  };
}

/** Adds and removes relations by statements, which are checked like all others. */
class TrackedRelation<E extends ObjectLiteral> extends RelationQueryBuilder<E> {
  override insert(): any {
    return new CheckedInsert<any>(this).insert();
  }

  override update(...all: any[]): any {
    return (new CheckedUpdate<any>(this).update as AnyMethod)(...all);
  }

  override delete(): any {
    return new CheckedDelete<any>(this).delete();
  }
}
