import { InsertQueryBuilder, type InsertResult, type ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { factsOf, metadataOf, returningOf, withColumnNames } from './builder-facts.js';
import { keeperOf } from './keeper-of.js';
import type { PersistOperation } from './persist-operation.js';
import { rowOf } from './row.js';
import type { Version } from './version.js';
import type { WrittenRows } from './written-rows.js';

/** An INSERT. What `save()` sends never brings back a row that was deleted, and a version is never taken from the entity. */
export class CheckedInsert<E extends ObjectLiteral> extends InsertQueryBuilder<E> {
  #rows: WrittenRows | undefined;

  override async execute(): Promise<InsertResult> {
    this.#assertNew();
    this.#leaveVersionToDatabase();
    return await keeperOf(this.connection).statements.execute({
      kind: 'insert',
      metadata: metadataOf(this),
      runner: this.queryRunner,
      // New rows are nobody's yet.
      ...(this.expressionMap.onUpdate === undefined && { rows: [] }),
      send: (rows) => {
        this.#rows = rows;
        return super.execute();
      },
    });
  }

  protected override createReturningExpression(type: 'insert' | 'update' | 'delete'): string {
    return returningOf(this, this.#rows, super.createReturningExpression(type));
  }

  protected override replacePropertyNamesForTheWholeQuery(statement: string): string {
    return withColumnNames(this, statement, () => super.replacePropertyNamesForTheWholeQuery(statement));
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

  /** The call that the INSERT belongs to; `undefined` for one of the user's own, also where a listener of a call sends it. */
  get #operation(): PersistOperation | undefined {
    const { callListeners, onUpdate } = this.expressionMap;
    const operation = keeperOf(this.connection).operations.current;
    const isOfCall = operation?.kind === 'upsert' ? onUpdate !== undefined : !callListeners;
    return isOfCall ? operation : undefined;
  }

  /** The version that only the database counts: that of a `save()` or an `upsert()`. */
  get #ownVersion(): ColumnMetadata | undefined {
    return this.#operation && factsOf(this)?.version;
  }

  #leaveVersionToDatabase(): void {
    const { onUpdate } = this.expressionMap;
    const version = this.#ownVersion;
    if (version === undefined || onUpdate?.overwrite === undefined) return;
    onUpdate.overwrite = onUpdate.overwrite.filter((name) => name !== version.databaseName);
  }

  /** An entity with a key and a version was read once: if `save()` finds no row to update, it was deleted meanwhile. */
  #assertNew(): void {
    const operation = this.#operation;
    const facts = factsOf(this);
    if (operation?.kind !== 'save' || facts?.version === undefined) return;
    const { keeping } = operation;
    for (const values of this.getValueSets()) {
      const expected = facts.version.getEntityValue(values) as Version | null | undefined;
      const id = facts.metadata.getEntityIdMap(values);
      if (expected === undefined || expected === null || id === undefined) continue;
      const check = { row: rowOf(facts, id), expected, what: 'save()', isPrecondition: false, keeping };
      throw keeperOf(this.connection).refuse(check, { actual: null });
    }
  }
}
