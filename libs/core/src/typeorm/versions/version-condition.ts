import type { ObjectLiteral, QueryBuilder } from 'typeorm';
import type { VersionCheck } from './version-keeper.js';

/** The condition that the row still has the expected version, with its parameter. */
export function versionCondition(
  builder: QueryBuilder<ObjectLiteral>,
  { row: { facts }, expected }: VersionCheck,
): [condition: string, parameters: ObjectLiteral] {
  const version = facts.version!;
  const { driver } = builder.connection;
  return [
    `${builder.escape(version.databaseName)} = :expectedVersion`,
    { expectedVersion: driver.preparePersistentValue(expected, version) as unknown },
  ];
}
