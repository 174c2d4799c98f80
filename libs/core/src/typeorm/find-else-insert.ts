import { QueryFailedError, type ObjectLiteral, type Repository } from 'typeorm';
import type { Enlistment } from './enlistment.js';
import { checkRelations } from './new-row.js';

/** How a row is looked for, and how the one is made that is stored when there is none. */
export interface SoughtRow<E extends ObjectLiteral> {
  readonly repository: Repository<E>;
  readonly enlistment: Enlistment;
  /** Who looks for it, e.g. `findOrCreate()`. */
  readonly what: string;
  /** The columns that tell who may create the row. */
  readonly uniqueKey: readonly string[];
  readonly find: () => Promise<E | null>;
  /** Called for each INSERT: listeners before it may change the entity, and should not meet their own changes. */
  readonly make: () => Promise<E>;
}

/** How often the row is looked for; each time another one was faster, and its row was gone before it could be read. */
const ROUNDS = 3;

/**
 * Finds the row or creates it, whatever others do meanwhile. The last INSERT names no key to give way to: what stands in the
 * way of a row that cannot be found (one with the same key that does not match, or is soft-deleted) the server can tell best.
 *
 * @returns the row, and whether this call created it
 */
export async function findElseInsert<E extends ObjectLiteral>(row: SoughtRow<E>): Promise<[E, boolean]> {
  for (let round = 1; ; round++) {
    const found = await row.find();
    if (found !== null) return [found, false];
    const entity = await row.make();
    checkRelations(row.what, row.repository.metadata, entity);
    if (await insert(row, entity, round < ROUNDS)) return [entity, true];
  }
}

/**
 * In a savepoint, or outside of a transaction in one of its own. Another unique key than the one to give way to may be the
 * first to stand in the way, also when it is the same row's: that must not abort the surrounding transaction.
 *
 * @returns whether the row was inserted
 */
async function insert<E extends ObjectLiteral>(
  row: SoughtRow<E>,
  entity: E,
  isGivingWay: boolean,
): Promise<boolean> {
  const { what, enlistment } = row;
  const asked = { propagation: 'NESTED', readOnly: false } as const;
  try {
    return await enlistment.manager.withContext(() =>
      enlistment.enlisted.execute(what, asked, () => sendInsert(row, entity, isGivingWay)),
    );
  } catch (error) {
    if (isGivingWay && isUniqueViolation(error)) return false;
    throw error;
  }
}

async function sendInsert<E extends ObjectLiteral>(
  { repository, uniqueKey }: SoughtRow<E>,
  entity: E,
  isGivingWay: boolean,
): Promise<boolean> {
  const { metadata, manager } = repository;
  const runner = repository.queryRunner ?? manager.connection.createQueryRunner();
  const query = repository
    .createQueryBuilder(metadata.name, runner)
    .insert()
    .values(entity as never)
    // Something must come back, or an inserted row could not be told from none.
    .returning(metadata.primaryColumns.map(({ propertyPath }) => propertyPath))
    // It would tell the listeners of an insert that did not happen, too.
    .callListeners(false);
  // With nothing to overwrite this is ON CONFLICT (…) DO NOTHING.
  if (isGivingWay) query.orUpdate([], [...uniqueKey]);
  await runner.broadcaster.broadcast('BeforeInsert', metadata, entity);
  const { raw } = await query.execute();
  if ((raw as unknown[]).length === 0) return false;
  await runner.broadcaster.broadcast('AfterInsert', metadata, entity);
  return true;
}

function isUniqueViolation(error: unknown): boolean {
  return error instanceof QueryFailedError && (error.driverError as { code?: string }).code === '23505';
}
