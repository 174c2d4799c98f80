import type { FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';

/**
 * How strong a row lock is.
 *
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-ROWS
 */
export type RowLockMode = 'NO_KEY_UPDATE' | 'UPDATE' | 'SHARE' | 'KEY_SHARE';

/** What is done about a row that another transaction has locked. */
export type OnLocked = 'wait' | 'fail' | 'skip';

/** As TypeORM calls them. */
export const LOCK_MODES = {
  NO_KEY_UPDATE: 'for_no_key_update',
  UPDATE: 'pessimistic_write',
  SHARE: 'pessimistic_read',
  KEY_SHARE: 'for_key_share',
} as const satisfies Record<RowLockMode, string>;

export const ON_LOCKED = {
  wait: undefined,
  fail: 'nowait',
  skip: 'skip_locked',
} as const satisfies Record<OnLocked, string | undefined>;

/** Locks the first row that matches `where` and returns it as it is then, with its eager relations; `null` without one. */
export async function selectLocked<E extends ObjectLiteral>(
  repository: Repository<E>,
  where: FindOptionsWhere<E>,
  { mode = 'NO_KEY_UPDATE', onLocked = 'wait' }: { mode?: RowLockMode; onLocked?: OnLocked } = {},
): Promise<E | null> {
  const { metadata } = repository;
  const query = repository.createQueryBuilder(metadata.name);
  query
    .setFindOptions({ where, loadEagerRelations: false })
    // Conditions on related rows join these, and they are not to be locked (nor can they be, where there may be none).
    .setLock(LOCK_MODES[mode], undefined, [query.escape(query.alias)])
    .limit(1);
  const how = ON_LOCKED[onLocked];
  if (how !== undefined) query.setOnLocked(how);
  const entity = await query.getOne();
  return entity === null || metadata.eagerRelations.length === 0 ? entity : await reload(repository, entity);
}

/**
 * Not joined to the locking statement: when that has waited, PostgreSQL looks at the changed row again, but not for other
 * related rows than before, and takes a reference that was changed meanwhile for one to nothing.
 *
 * @see https://www.postgresql.org/docs/current/transaction-iso.html#XACT-READ-COMMITTED
 */
async function reload<E extends ObjectLiteral>(repository: Repository<E>, entity: E): Promise<E | null> {
  const id = repository.metadata.getEntityIdMap(entity);
  return await repository
    .createQueryBuilder(repository.metadata.name)
    .setFindOptions({})
    .whereInIds([id])
    .getOne();
}
