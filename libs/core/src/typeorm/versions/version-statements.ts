import type { ObjectLiteral, QueryRunner } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { Row } from './row.js';
import type { Version } from './version.js';

/** A row whose version was raised. */
export interface RaisedRow {
  readonly version: Version;
  /** Of the columns that go up with it: the version, and the date of the last change. */
  readonly values: readonly (readonly [ColumnMetadata, unknown])[];
}

/** Raises the version of a row, if it is the expected one; what the database counted and dated, if there was a row. */
export async function raiseVersion(
  { facts: { metadata, version }, id }: Row,
  expected: Version | undefined,
  runner: QueryRunner,
): Promise<RaisedRow | undefined> {
  const { driver } = runner.connection;
  const columns = metadata.columns.filter(({ isVersion, isUpdateDate }) => isVersion || isUpdateDate);
  const column = driver.escape(version!.databaseName);
  const builder = runner.manager
    .createQueryBuilder()
    .update(metadata.target)
    .set(version!.createValueMap(() => `${column} + 1`))
    .where(id)
    .callListeners(false)
    .returning(columns.map(({ propertyPath }) => propertyPath));
  if (expected !== undefined) builder.andWhere(`${column} = :expected`, { expected });
  const { raw } = await builder.execute();
  const [row] = raw as ObjectLiteral[];
  if (row === undefined) return undefined;
  const values = columns.map(
    (each) => [each, driver.prepareHydratedValue(row[each.databaseName], each)] as const,
  );
  return { version: row[version!.databaseName] as Version, values };
}

/** The version that the row has, locked until the transaction ends; `null` when there is none. */
export async function readVersion(
  { facts, id }: Row,
  runner: QueryRunner,
  isLocking: boolean,
): Promise<Version | null> {
  const builder = runner.manager
    .createQueryBuilder(facts.metadata.target, 'row')
    .select(`row.${facts.version!.propertyPath}`, 'version')
    .where(id)
    .withDeleted();
  if (isLocking) builder.setLock('pessimistic_read');
  const found = await builder.getRawOne<{ version: Version }>();
  return found?.version ?? null;
}

/** Whether there is such a row, and another transaction has written it. What raw SQL of this one has made is its own. */
export async function isOfAnother({ facts, id }: Row, runner: QueryRunner): Promise<boolean> {
  const { driver } = runner.connection;
  const xid = 'COALESCE(txid_current_if_assigned() % 4294967296, 0)::text';
  const found = await runner.manager
    .createQueryBuilder(facts.metadata.target, 'row')
    .select(`${driver.escape('row')}.xmin::text <> ${xid}`, 'isOfAnother')
    .where(id)
    .withDeleted()
    .getRawOne<{ isOfAnother: boolean }>();
  return found?.isOfAnother === true;
}
