import { InsertQueryBuilder, type InsertResult, type ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { EntityFacts } from './entity-facts.js';
import { keeperOf } from './keeper-of.js';
import { rowOf } from './row.js';
import type { Version } from './version.js';
import type { WrittenRows } from './written-rows.js';

/** An INSERT. What `save()` sends never brings back a row that was deleted, and a version is never taken from the entity. */
export class CheckedInsert<E extends ObjectLiteral> extends InsertQueryBuilder<E> {
  #rows: WrittenRows | undefined;

  override values(values: Parameters<InsertQueryBuilder<E>['values']>[0]): this {
    for (const each of [values].flat()) this.#assertNew(each as ObjectLiteral);
    return super.values(values);
  }

  override orUpdate(...[overwrite, ...rest]: Parameters<InsertQueryBuilder<E>['orUpdate']>): this {
    return super.orUpdate(
      overwrite.filter((name) => name !== this.#ownVersion?.databaseName),
      ...rest,
    );
  }

  override async execute(): Promise<InsertResult> {
    return await keeperOf(this.dataSource).statements.execute({
      kind: 'insert',
      metadata: this.#metadata,
      runner: this.queryRunner,
      send: (rows) => {
        this.#rows = rows;
        return super.execute();
      },
    });
  }

  protected override createReturningExpression(type: 'insert' | 'update' | 'delete'): string {
    const plain = super.createReturningExpression(type);
    return this.#rows === undefined ? plain : this.#rows.returning(plain, (name) => this.escape(name));
  }

  /** An `upsert()` that finds the row raises its version, whatever columns it overwrites. */
  protected override createInsertExpression(): string {
    const sql = super.createInsertExpression();
    const version = this.#ownVersion;
    if (version === undefined) return sql;
    const column = this.escape(version.databaseName);
    const table =
      this.alias === this.getMainTableName() ? this.getTableName(this.alias) : this.escape(this.alias);
    return sql.replace(' DO UPDATE SET ', ` DO UPDATE SET ${column} = ${table}.${column} + 1, `);
  }

  protected override createColumnValueExpression(
    valueSets: ObjectLiteral[],
    index: number,
    column: ColumnMetadata,
  ): string {
    return column === this.#ownVersion ? '1' : super.createColumnValueExpression(valueSets, index, column);
  }

  get #metadata() {
    const alias = this.expressionMap.mainAlias;
    return alias?.hasMetadata ? alias.metadata : undefined;
  }

  get #facts(): EntityFacts | undefined {
    return this.#metadata && keeperOf(this.dataSource).factsOf(this.#metadata);
  }

  /** The version that only the database counts: that of a `save()` or an `upsert()`, not of an INSERT of the user's own. */
  get #ownVersion(): ColumnMetadata | undefined {
    return keeperOf(this.dataSource).operations.current === undefined ? undefined : this.#facts?.version;
  }

  /** An entity with a key and a version was read once: if `save()` finds no row to update, it was deleted meanwhile. */
  #assertNew(values: ObjectLiteral): void {
    const keeper = keeperOf(this.dataSource);
    const operation = keeper.operations.current;
    const facts = this.#facts;
    if (operation?.kind !== 'save' || facts?.version === undefined) return;
    const expected = facts.version.getEntityValue(values) as Version | null | undefined;
    const id = facts.metadata.getEntityIdMap(values);
    if (expected === undefined || expected === null || id === undefined) return;
    const { keeping } = operation;
    const check = { row: rowOf(facts, id), expected, what: 'save()', isPrecondition: false, keeping };
    throw keeper.refuse(check, { actual: null });
  }
}
