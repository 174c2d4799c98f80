import type { EntityTarget, ObjectLiteral } from 'typeorm';
import { NoTransactionError } from '../errors.js';
import { endedError } from '../transaction/call-plan.js';
import { aString, checkOptions } from '../transaction/check-options.js';
import { scopeForHooks } from '../transaction/hook-registration.js';
import type { TypeOrmResource } from './typeorm-resource.js';
import type { EntityFacts } from './versions/entity-facts.js';
import { requireRow } from './versions/row.js';
import { assertVersion, isSameVersion, successorOf, type Version } from './versions/version.js';

/** Which transaction is meant. */
export interface VersionRegistration {
  /** The data source. @defaultValue the default one; without a transaction there, that of the innermost transaction */
  readonly dataSource?: string;
}

/**
 * The current transaction may only write the row, and only commit, if the row still has this version. The first write to
 * it, in whatever service, meets the version or gets an `OptimisticLockError`; if nothing of it is written, it is verified
 * under a row lock (`FOR SHARE`) before COMMIT. Only registered here: no statement is sent. After the first write, the
 * transaction knows the row and goes on as usual. What raw SQL writes is not seen.
 *
 * @param entity - the entity's class, with a `@VersionColumn`
 * @param id - the primary key: the plain value, or an object of the key's properties where there are several
 * @param version - what the caller has seen, e.g. the client's If-Match
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 * @throws InvalidOptionsError for an entity without version, a missing id, a version that is none
 * @example
 * ```ts
 * await transactionManager.run(async () => {
 *   expectVersion(Invoice, 7, 3);
 *   await invoices.pay(7); // OptimisticLockError if invoice 7 is not at version 3 any more
 * });
 * ```
 */
export function expectVersion(
  entity: EntityTarget<ObjectLiteral>,
  id: unknown,
  version: Version,
  options: VersionRegistration = {},
): void {
  const { resource, facts } = surroundings('expectVersion()', entity, options);
  assertVersion('expectVersion()', version);
  const row = requireRow('expectVersion()', facts, id);
  const keeping = resource.bookKeeping;
  const written = keeping.book.writtenVersion(row.key);
  if (written === undefined) {
    const expected = keeping.book.currentVersion(row.key, version);
    return keeping.book.expect({ row, version: expected, isPrecondition: true });
  }
  // This transaction has written the row already: it was what is expected if it is one step ahead now.
  if (written !== null && isSameVersion(written, successorOf(version))) return;
  const check = { row, expected: version, what: 'expectVersion()', isPrecondition: true, keeping };
  throw resource.versions.refuse(check, { actual: written });
}

/**
 * The row must not be there when the current transaction writes it, nor when it commits, unless it has created the row itself:
 * of two that create it, whichever way, one is refused. Only registered here: no statement is sent. What raw SQL has created is
 * known as this transaction's at COMMIT, unless that was done in a `NESTED` part.
 *
 * @param entity - the entity's class, with a `@VersionColumn`
 * @param id - the primary key: the plain value, or an object of the key's properties where there are several
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 * @throws InvalidOptionsError for an entity without version, a missing id
 * @example
 * ```ts
 * await transactionManager.run(async (em) => {
 *   expectAbsence(Invoice, 7);
 *   await em.save(Invoice, { id: 7, number: 1 }); // OptimisticLockError if somebody else has created invoice 7 meanwhile
 * });
 * ```
 */
export function expectAbsence(
  entity: EntityTarget<ObjectLiteral>,
  id: unknown,
  options: VersionRegistration = {},
): void {
  const { resource, facts } = surroundings('expectAbsence()', entity, options);
  const row = requireRow('expectAbsence()', facts, id);
  const { book } = resource.bookKeeping;
  book.expect({ row, version: BEFORE_THE_FIRST, isPrecondition: true, isOfNewRow: true });
}

/** Every row begins with version 1. */
const BEFORE_THE_FIRST = 0;

/**
 * Raises the version of the entity's row by one when the transaction commits, although nothing else of the row may have
 * changed: so that whoever has read it meets a conflict. The row must still have the version that the entity carries. The
 * entity shows the new version at once. Once per transaction, however often it is called and if the entity is saved, too.
 *
 * @param entity - an instance of an entity's class, with its id and version
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 * @throws InvalidOptionsError for an entity without version column, id or version
 * @see https://jakarta.ee/specifications/persistence/3.2/jakarta-persistence-spec-3.2#a2145 OPTIMISTIC_FORCE_INCREMENT
 * @example
 * ```ts
 * const invoice = await em.findOneByOrFail(Invoice, { id: 7 });
 * forceIncrement(invoice);
 * ```
 */
export function forceIncrement(entity: object, options: VersionRegistration = {}): void {
  const { resource, facts } = surroundings('forceIncrement()', entity.constructor, options);
  const id = facts.metadata.getEntityIdMap(entity);
  const version = facts.version!.getEntityValue(entity) as Version;
  assertVersion('forceIncrement()', version);
  const row = requireRow('forceIncrement()', facts, id);
  const { book } = resource.bookKeeping;
  const expected = book.currentVersion(row.key, version);
  book.addIncrement({ row, expected, objects: [] });
  resource.versions.aggregates.show(row, book, [entity]);
}

/**
 * Follows a row's version through the current transaction, for who has to tell it when the transaction is over (a response's
 * entity tag, an event). Sends nothing.
 *
 * @param entity - the entity's class, with a `@VersionColumn`
 * @param id - the primary key: the plain value, or an object of the key's properties where there are several
 * @returns a function that tells, before COMMIT and after it, the version that the transaction leaves the row with, as far as
 * that is known without asking the database; `null` when it has deleted the row, `undefined` when it does not know
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 * @throws InvalidOptionsError for an entity without version, a missing id
 * @example
 * ```ts
 * await transactionManager.run(async () => {
 *   const versionNow = trackVersion(Invoice, 7);
 *   await invoices.pay(7);
 *   afterCommit(() => console.log(`Invoice 7 is at version ${versionNow()}.`));
 * });
 * ```
 */
export function trackVersion(
  entity: EntityTarget<ObjectLiteral>,
  id: unknown,
  options: VersionRegistration = {},
): () => Version | null | undefined {
  const { resource, facts } = surroundings('trackVersion()', entity, options);
  const { key } = requireRow('trackVersion()', facts, id);
  const { book } = resource.bookKeeping;
  return () => book.finalVersion(key);
}

/** @throws NoTransactionError, TransactionEndedError, InvalidOptionsError */
function surroundings(
  what: string,
  entity: EntityTarget<ObjectLiteral>,
  options: VersionRegistration,
): { readonly resource: TypeOrmResource; readonly facts: EntityFacts } {
  checkOptions(what, options, { dataSource: aString });
  const scope = scopeForHooks(options.dataSource);
  if (scope === undefined) throw new NoTransactionError(what);
  if (!scope.isOpen) throw endedError(what, scope);
  const resource = scope.transaction.resource as TypeOrmResource;
  return { resource, facts: resource.versions.requireVersion(entity, what) };
}
