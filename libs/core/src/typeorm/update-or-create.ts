import type { DeepPartial, FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import { requireEnlistment } from './enlistment.js';
import { findElseInsert } from './find-else-insert.js';
import { assign, checkInsertable, rowMaker, type NewRow } from './new-row.js';
import { checkWhere } from './row-conditions.js';
import { selectLocked } from './row-lock.js';
import { uniqueKeyIn } from './unique-key.js';

/** New values, or a function of the entity that returns them or sets them in it. */
export type RowUpdate<E> =
  DeepPartial<E> | ((entity: E) => DeepPartial<E> | void | Promise<DeepPartial<E> | void>);

const WHAT = 'updateOrCreate()';

/**
 * Updates the row that matches `where`, or creates it. However many callers do so at once, one row is created, and no update is
 * lost: a row that is found stays locked until the transaction ends, so that `update` sees what the one before has stored.
 *
 * `where` must name every value of a unique key, as for {@link findOrCreate}. A new row starts with the values of `create` and
 * `where`; then `update` is applied to it, as to one that is found. So `update` has the last word in both cases.
 *
 * Joins the surrounding transaction, else begins one. A row that is found is stored with `save()`, a new one with one INSERT. At
 * REPEATABLE READ and SERIALIZABLE a row that another transaction changed or created meanwhile is a serialization failure
 * (40001), which the transaction's `retry` handles.
 *
 * @param where - which row; conditions as in `find()`
 * @param update - new values; a function gets the entity as it is in the database, or a new one that has what `create` and `where`
 * say and no column defaults yet. It may be called more than once, so it should do nothing but compute them
 * @param create - further values of a new row, or a function that returns them, called only when they are needed.
 * @defaultValue of `create`: none
 * @returns the entity as it is stored, and whether this call created it
 * @throws InvalidOptionsError when `where` names no unique key, for a tree, for a new row with related rows that are not stored,
 * and for a data source that is not enlisted
 * @throws IncompatibleOptionsError in a read-only transaction
 * @throws QueryFailedError with SQLSTATE 23505 when a row that does not match `where` has the same unique key
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
 * @example
 * ```ts
 * const more = ({ stock }: Product): Partial<Product> => ({ stock: stock + 10 });
 * const [product] = await updateOrCreate(products, { id }, more, { name: 'Chair', stock: 0 });
 * ```
 */
export async function updateOrCreate<E extends ObjectLiteral>(
  repository: Repository<E>,
  where: FindOptionsWhere<NoInfer<E>>,
  update: RowUpdate<NoInfer<E>>,
  create: NewRow<NoInfer<E>> = {} as DeepPartial<E>,
): Promise<[entity: E, created: boolean]> {
  checkWhere(WHAT, where);
  const { metadata, manager } = repository;
  const enlistment = requireEnlistment(manager.connection, WHAT);
  checkInsertable(WHAT, metadata);
  const uniqueKey = uniqueKeyIn(WHAT, metadata, where);
  const makeRow = rowMaker(repository, where, create);
  const make = async (): Promise<E> => updated(repository, await makeRow(), update);
  const find = (): Promise<E | null> => selectLocked(repository, where);
  const work = async (): Promise<[E, boolean]> => {
    const [entity, created] = await findElseInsert({
      repository,
      enlistment,
      what: WHAT,
      uniqueKey,
      find,
      make,
    });
    if (!created) await repository.save(await updated(repository, entity, update));
    return [entity, created];
  };
  return await enlistment.manager.withContext(() =>
    enlistment.enlisted.execute(WHAT, { readOnly: false }, work),
  );
}

async function updated<E extends ObjectLiteral>(
  repository: Repository<E>,
  entity: E,
  update: RowUpdate<E>,
): Promise<E> {
  const values = typeof update === 'function' ? await update(entity) : update;
  // Copied onto itself, an entity would load its lazy relations.
  if (values !== undefined && values !== entity) assign(repository, entity, values as ObjectLiteral);
  return entity;
}
