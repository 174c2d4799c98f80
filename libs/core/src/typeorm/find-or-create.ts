import type { FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import { aBoolean, checkOptions, type Schema } from '../transaction/check-options.js';
import { requireEnlistment } from './enlistment.js';
import { findElseInsert } from './find-else-insert.js';
import { assertMayWrite } from './may-write.js';
import { checkInsertable, rowMaker, type NewRow } from './new-row.js';
import { checkWhere } from './row-conditions.js';
import { uniqueKeyIn } from './unique-key.js';

/** How a row is looked for. */
export interface FindOrCreateOptions {
  /**
   * Whether a soft-deleted row is found, too. Without it, such a row that has the unique key keeps a new one from being
   * created: the caller gets the unique violation. @defaultValue `false`
   */
  readonly withDeleted?: boolean;
}

const OPTIONS: Schema<FindOrCreateOptions> = { withDeleted: aBoolean };
const WHAT = 'findOrCreate()';

/**
 * Finds the row that matches `where`, or creates it. However many callers do so at once, one row is created, and exactly one of
 * them is told that it created it.
 *
 * `where` must name every value of a unique key: the primary key, or the columns of a unique constraint or index. The new row has
 * these values and those of `create`; where they contradict, `where` wins. The row is looked for first, then inserted with
 * `ON CONFLICT DO NOTHING`, and when that inserted nothing, it is looked for again. One row is written: related rows that
 * `create` names must be stored already.
 *
 * Joins the surrounding transaction and never aborts it: also a unique violation, or another error of the INSERT, can be caught
 * there. Without a transaction the INSERT has one of its own. At REPEATABLE READ and SERIALIZABLE a row that another
 * transaction created meanwhile is a serialization failure (40001), which the transaction's `retry` handles.
 *
 * @param where - which row; conditions as in `find()`
 * @param create - further values of a new row, or a function that returns them, called only when they are needed
 * @returns the entity, and whether this call created it. A created one has what the database generated, but no eager relations.
 * @throws InvalidOptionsError when `where` names no unique key, for an unknown option, for a tree, for related rows that are not
 * stored, and for a data source that is not enlisted
 * @throws IncompatibleOptionsError when there is no such row and the transaction is read-only
 * @throws QueryFailedError with SQLSTATE 23505 when a row that does not match `where` has the same unique key
 * @see https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT
 * @example
 * ```ts
 * const [product, created] = await findOrCreate(products, { id }, { name: 'Chair', stock: 0 });
 * ```
 */
export async function findOrCreate<E extends ObjectLiteral>(
  repository: Repository<E>,
  where: FindOptionsWhere<NoInfer<E>>,
  create: NewRow<NoInfer<E>>,
  options: FindOrCreateOptions = {},
): Promise<[entity: E, created: boolean]> {
  checkOptions(WHAT, options, OPTIONS);
  checkWhere(WHAT, where);
  const { metadata, manager } = repository;
  const enlistment = requireEnlistment(manager.connection, WHAT);
  checkInsertable(WHAT, metadata);
  const uniqueKey = uniqueKeyIn(WHAT, metadata, where);
  const makeRow = rowMaker(repository, where, create);
  const make = async (): Promise<E> => {
    assertMayWrite(WHAT, enlistment.enlisted.workflow.surroundingScope);
    return await makeRow();
  };
  const find = (): Promise<E | null> => findRow(repository, where, options);
  return await findElseInsert({ repository, enlistment, what: WHAT, uniqueKey, find, make });
}

/** Not on a replica, which may not know the row yet that kept ours from being inserted. */
async function findRow<E extends ObjectLiteral>(
  repository: Repository<E>,
  where: FindOptionsWhere<E>,
  { withDeleted = false }: FindOrCreateOptions,
): Promise<E | null> {
  const { metadata, manager } = repository;
  const runner = repository.queryRunner ?? manager.connection.createQueryRunner('master');
  try {
    const query = repository.createQueryBuilder(metadata.name, runner);
    return await query.setFindOptions({ where, withDeleted }).getOne();
  } finally {
    if (runner !== repository.queryRunner) await runner.release();
  }
}
