import { DeleteQueryBuilder, type DeleteResult, type ObjectLiteral } from 'typeorm';
import { factsOf, metadataOf, returningOf, withColumnNames } from './builder-facts.js';
import { keeperOf } from './keeper-of.js';
import { merge } from './value-map.js';
import type { VersionCheck } from './version-keeper.js';
import { WrittenRows } from './written-rows.js';

/** A DELETE. What `remove()` sends carries the expected version of each row in its WHERE, also where it deletes many. */
export class CheckedDelete<E extends ObjectLiteral> extends DeleteQueryBuilder<E> {
  readonly #checks = new Map<string, VersionCheck>();
  /** Whether it deletes nothing but what is checked. */
  #isOfRemove = false;
  #rows: WrittenRows | undefined;

  override where(...[where, parameters]: Parameters<DeleteQueryBuilder<E>['where']>): this {
    return super.where(Array.isArray(where) ? this.#guarded(where) : where, parameters);
  }

  override async execute(): Promise<DeleteResult> {
    const keeper = keeperOf(this.connection);
    try {
      return await keeper.statements.execute({
        kind: 'delete',
        metadata: metadataOf(this),
        runner: this.queryRunner,
        ...(this.#isOfRemove && { rows: [...this.#checks.keys()] }),
        send: (rows) => this.#send(rows),
      });
    } catch (error) {
      const [check] = this.#checks.values();
      throw check === undefined ? error : keeper.explain(check, error);
    }
  }

  protected override createReturningExpression(type: 'insert' | 'update' | 'delete'): string {
    return returningOf(this, this.#rows, super.createReturningExpression(type));
  }

  protected override replacePropertyNamesForTheWholeQuery(statement: string): string {
    return withColumnNames(this, statement, () => super.replacePropertyNamesForTheWholeQuery(statement));
  }

  /** The id maps of a `remove()`, each with the version that its row must have. */
  #guarded(ids: readonly ObjectLiteral[]): ObjectLiteral[] {
    const keeper = keeperOf(this.connection);
    const operation = keeper.operations.current;
    const facts = factsOf(this);
    const isOfRemove = ids.every((id) => keeper.carried.entityOf(id) !== undefined);
    if (operation === undefined || facts?.version === undefined || !isOfRemove) return [...ids];
    this.#isOfRemove = true;
    return ids.map((id) => {
      // What `save()` deletes is a row that lost its parent, not an entity in the caller's hands.
      const check = operation.kind === 'save' ? undefined : keeper.checkOf(id, facts, operation);
      this.#isOfRemove &&= check !== undefined;
      if (check === undefined) return id;
      this.#checks.set(check.row.key, check);
      return merge(merge({}, id), facts.version!.createValueMap(check.expected));
    });
  }

  async #send(tracked: WrittenRows | undefined): Promise<DeleteResult> {
    // Of a single row, the count says enough.
    const own = tracked === undefined && this.#checks.size > 1 ? new WrittenRows(factsOf(this)!) : undefined;
    this.#rows = tracked ?? own;
    const result = await super.execute();
    const isAll = (result.affected ?? 0) >= this.#checks.size;
    const deleted = new Set(isAll ? [] : this.#rows?.keysIn(result.raw as ObjectLiteral[]));
    if (own !== undefined) result.raw = [];
    for (const [key, check] of this.#checks) {
      if (!isAll && !deleted.has(key)) throw keeperOf(this.connection).refuse(check);
      check.keeping?.book.noteWritten(check.row, null);
    }
    return result;
  }
}
