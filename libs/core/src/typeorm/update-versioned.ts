import type { ObjectLiteral, Repository } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import { InvalidOptionsError } from '../errors.js';
import { requireEnlistment } from './enlistment.js';
import { requireRow } from './versions/row.js';
import { assertVersion, type Version } from './versions/version.js';
import { versionCondition } from './versions/version-condition.js';

/** Which version the row must have. */
export interface ExpectedVersion {
  readonly expectedVersion: Version;
}

/**
 * `repository.update()` of one row, if it still has the expected version: one UPDATE with the version in its WHERE, which
 * raises it. Like `update()`, it loads nothing and calls no entity listeners of the row.
 *
 * @param id - the primary key: the plain value, or an object of the key's properties where there are several
 * @returns the new version
 * @throws OptimisticLockError when the row has another version, or is gone; the transaction can only be rolled back
 * @throws InvalidOptionsError for an entity without version, or values that set the version
 * @example
 * ```ts
 * const version = await updateVersioned(invoices, 7, { expectedVersion: 3 }, { paid: true });
 * ```
 */
export async function updateVersioned<E extends ObjectLiteral>(
  repository: Repository<E>,
  id: unknown,
  { expectedVersion }: ExpectedVersion,
  values: QueryDeepPartialEntity<E>,
): Promise<Version> {
  const what = 'updateVersioned()';
  const { manager, metadata } = repository;
  const { versions: keeper } = requireEnlistment(manager.connection, what).enlisted;
  const facts = keeper.requireVersion(metadata.target, what);
  const version = facts.version!;
  assertVersion(what, expectedVersion);
  if (version.getEntityValue(values) !== undefined)
    throw new InvalidOptionsError(
      `${what} counts the version itself; leave ${version.propertyPath} out.`,
      'values',
    );
  const row = requireRow(what, facts, id);
  const keeping = keeper.bookKeeping(manager.queryRunner);
  // An entity that is ahead of its row, because its version goes up at COMMIT, is not stale.
  const expected = keeping?.book.currentVersion(row.key, expectedVersion) ?? expectedVersion;
  const check = { row, expected, what, isPrecondition: false, keeping };
  const builder = manager.createQueryBuilder().update(metadata.target).set(values).where(row.id);
  builder.andWhere(...versionCondition(builder, check)).returning([version.propertyPath]);
  try {
    const { affected, raw } = await builder.execute();
    if (affected !== 1) throw keeper.refuse(check);
    return (raw as ObjectLiteral[])[0]![version.databaseName] as Version;
  } catch (error) {
    throw keeper.explain(check, error);
  }
}

/**
 * `repository.increment()` of one row, if it still has the expected version; see {@link updateVersioned}.
 *
 * @param property - the path of a number's property
 * @param by - what is added; below zero to take away
 * @returns the new version
 * @throws OptimisticLockError when the row has another version, or is gone; the transaction can only be rolled back
 * @throws InvalidOptionsError for an entity without version, an unknown property, or what is no number
 * @example
 * ```ts
 * await incrementVersioned(invoices, 7, { expectedVersion: 3 }, 'reminders', 1);
 * ```
 */
export async function incrementVersioned<E extends ObjectLiteral>(
  repository: Repository<E>,
  id: unknown,
  expected: ExpectedVersion,
  property: string,
  by: number | string,
): Promise<Version> {
  const column = repository.metadata.findColumnWithPropertyPath(property);
  if (column === undefined)
    throw new InvalidOptionsError(
      `incrementVersioned(): ${repository.metadata.name} has no column '${property}'.`,
      'property',
    );
  if (!/^-?\d+(?:\.\d+)?$/.test(String(by)))
    throw new InvalidOptionsError(`incrementVersioned(): '${String(by)}' is not a number.`, 'by');
  const name = repository.manager.connection.driver.escape(column.databaseName);
  const values = column.createValueMap(() => `${name} + (${by})`) as QueryDeepPartialEntity<E>;
  return await updateVersioned(repository, id, expected, values);
}
