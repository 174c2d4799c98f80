import { QueryFailedError, type FindOptionsWhere, type ObjectLiteral, type Repository } from 'typeorm';
import { NoTransactionError, RowLockedError } from '../errors.js';
import { aDuration, checkOptions, oneOf, type Schema } from '../transaction/check-options.js';
import type { TransactionScope } from '../transaction/transaction-scope.js';
import type { EnlistedDataSource } from './enlisted-data-source.js';
import { requireEnlistment } from './enlistment.js';
import { LOCK_MODES, ON_LOCKED, selectLocked, type OnLocked, type RowLockMode } from './row-lock.js';
import { checkWhere } from './row-conditions.js';
import { assertMayWrite } from './may-write.js';

/** How a row is locked, and what is done when another transaction has it. */
export interface RowLockOptions {
  /**
   * How strong the lock is. `NO_KEY_UPDATE` keeps others from changing or deleting the row; `UPDATE` also from inserting rows
   * that refer to it, and is needed only before deleting it or changing its key; `SHARE` and `KEY_SHARE` let others lock it
   * likewise. @defaultValue `'NO_KEY_UPDATE'`
   * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
   */
  readonly mode?: RowLockMode;
  /**
   * What to do when another transaction has the row: `wait` until that has ended, `fail` at once with a `RowLockedError`,
   * `skip` it, as a queue's workers do. @defaultValue `'wait'`
   */
  readonly onLocked?: OnLocked;
  /**
   * How long to wait, in milliseconds; then `RowLockedError`. It replaces the server's `lock_timeout` for this call only.
   * @defaultValue the server's `lock_timeout`, as a rule no limit
   * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
   */
  readonly timeoutMs?: number;
}

const ROW_LOCK_OPTIONS: Schema<RowLockOptions> = {
  mode: oneOf(...Object.keys(LOCK_MODES)),
  onLocked: oneOf(...Object.keys(ON_LOCKED)),
  timeoutMs: aDuration,
};

const WHAT = 'lockForUpdate()';
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Locks one row until the current transaction ends, and returns it as it is once it is locked: what the transaction then
 * computes from it cannot be overtaken. `FOR NO KEY UPDATE` by default, which lets others insert rows that refer to this one.
 *
 * Where several rows match, one of them is locked. Eager relations are loaded after the row is locked; related rows are not
 * locked. At REPEATABLE READ and SERIALIZABLE a row that was changed since the transaction began is a serialization failure
 * (40001), which the transaction's `retry` handles.
 *
 * A lock that is refused (`onLocked: 'fail'`, or after `timeoutMs`) leaves the transaction as it was: it may go on.
 *
 * @param where - which row; conditions as in `find()`
 * @returns the row; `null` when none matches, or with `onLocked: 'skip'` when all that match are locked
 * @throws NoTransactionError outside of a transaction: the lock would be gone at once
 * @throws IncompatibleOptionsError in a read-only transaction
 * @throws InvalidOptionsError for an unknown option, an empty `where`, or a data source that is not enlisted
 * @throws RowLockedError when another transaction has the row
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
 * @example
 * ```ts
 * await transactions.run(async () => {
 *   const product = await lockForUpdate(products, { id }, { timeoutMs: 500 });
 *   if (product === null || product.stock === 0) throw new ConflictException('Sold out.');
 *   product.stock -= 1;
 *   await products.save(product);
 * });
 * ```
 */
export async function lockForUpdate<E extends ObjectLiteral>(
  repository: Repository<E>,
  where: FindOptionsWhere<NoInfer<E>>,
  options: RowLockOptions = {},
): Promise<E | null> {
  checkOptions(WHAT, options, ROW_LOCK_OPTIONS);
  checkWhere(WHAT, where);
  const { enlisted } = requireEnlistment(repository.manager.connection, WHAT);
  const scope = writableScope(enlisted);
  const lock = (): Promise<E | null> => selectLocked(repository, where, options);
  const { onLocked, timeoutMs } = options;
  if (onLocked !== 'fail' && timeoutMs === undefined) return await lock();
  try {
    // A savepoint of its own, so that a refused lock does not abort the transaction; it goes with the first statement.
    return await enlisted.execute(WHAT, { propagation: 'NESTED', readOnly: false }, () =>
      timeoutMs === undefined ? lock() : withLockTimeout(repository, timeoutMs, lock),
    );
  } catch (error) {
    if (!isRefusedLock(error)) throw error;
    throw scope.transaction.identified(new RowLockedError(repository.metadata.name, where, error));
  }
}

/**
 * @throws NoTransactionError outside of a transaction
 * @throws IncompatibleOptionsError in a read-only transaction
 */
function writableScope({ workflow }: EnlistedDataSource): TransactionScope {
  const scope = workflow.surroundingScope;
  if (scope === undefined) throw new NoTransactionError(WHAT);
  assertMayWrite(WHAT, scope);
  return scope;
}

/** Where `work` fails, going back to the savepoint restores the limit that held before. */
async function withLockTimeout<T>(
  repository: Repository<ObjectLiteral>,
  timeoutMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const [{ before }] = (await repository.query(
    `SELECT current_setting('lock_timeout') AS before, set_config('lock_timeout', $1, true)`,
    [`${Math.ceil(timeoutMs)}ms`],
  )) as [{ before: string }];
  const result = await work();
  await repository.query(`SELECT set_config('lock_timeout', $1, true)`, [before]);
  return result;
}

function isRefusedLock(error: unknown): boolean {
  return (
    error instanceof QueryFailedError && (error.driverError as { code?: string }).code === LOCK_NOT_AVAILABLE
  );
}
