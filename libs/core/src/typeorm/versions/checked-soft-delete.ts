import type { ObjectLiteral, UpdateResult } from 'typeorm';
// Not exported by the package's entry point.
import { SoftDeleteQueryBuilder } from 'typeorm/query-builder/SoftDeleteQueryBuilder.js';
import { factsOf, metadataOf, noteWritten, returningOf, withColumnNames } from './builder-facts.js';
import { keeperOf } from './keeper-of.js';
import type { VersionCheck } from './version-keeper.js';
import { versionCondition } from './version-condition.js';
import { readVersion } from './version-statements.js';
import { isSameVersion } from './version.js';
import type { WrittenRows } from './written-rows.js';

/** A soft delete or a restore. What `softRemove()` and `recover()` send carries the expected version in its WHERE. */
export class CheckedSoftDelete<E extends ObjectLiteral> extends SoftDeleteQueryBuilder<E> {
  #check: VersionCheck | undefined;
  #rows: WrittenRows | undefined;

  override whereEntity(entity: E | E[]): this {
    super.whereEntity(entity);
    const keeper = keeperOf(this.connection);
    const operation = keeper.operations.current;
    const facts = factsOf(this);
    if (
      operation === undefined ||
      facts?.version === undefined ||
      keeper.carried.entityOf(entity) === undefined
    )
      return this;
    this.updateEntity(true);
    this.#check = keeper.checkOf(entity, facts, operation);
    if (this.#check !== undefined) this.andWhere(...versionCondition(this, this.#check));
    return this;
  }

  override async execute(): Promise<UpdateResult> {
    const keeper = keeperOf(this.connection);
    const check = this.#check;
    try {
      const result = await keeper.statements.execute({
        kind: 'update',
        metadata: metadataOf(this),
        runner: this.queryRunner,
        ...(check && { rows: [check.row.key] }),
        send: (rows) => {
          this.#rows = rows;
          return super.execute();
        },
      });
      if (check !== undefined) await this.#assertWritten(check, result);
      return result;
    } catch (error) {
      throw check === undefined ? error : keeper.explain(check, error);
    }
  }

  protected override createReturningExpression(type: 'insert' | 'update' | 'delete'): string {
    return returningOf(this, this.#rows, super.createReturningExpression(type));
  }

  protected override replacePropertyNamesForTheWholeQuery(statement: string): string {
    return withColumnNames(this, statement, () => super.replacePropertyNamesForTheWholeQuery(statement));
  }

  /** A row that is in the wanted state already is not written, and that is no conflict if it has the expected version. */
  async #assertWritten(check: VersionCheck, { affected, generatedMaps }: UpdateResult): Promise<void> {
    const keeper = keeperOf(this.connection);
    if (affected === 1) return noteWritten(this, check, generatedMaps[0]);
    const actual = await readVersion(check.row, this.obtainQueryRunner(), false);
    if (actual === null || !isSameVersion(actual, check.expected)) throw keeper.refuse(check, { actual });
  }
}
