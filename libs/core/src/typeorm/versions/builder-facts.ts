import type { EntityMetadata, QueryBuilder } from 'typeorm';
import type { EntityFacts } from './entity-facts.js';
import { keeperOf } from './keeper-of.js';
import type { VersionCheck } from './version-keeper.js';
import type { Version } from './version.js';
import type { WrittenRows } from './written-rows.js';

type Builder = QueryBuilder<any>;

/** What a statement writes to; `undefined` for a table that is no entity's. */
export function metadataOf({ expressionMap: { mainAlias } }: Builder): EntityMetadata | undefined {
  return mainAlias?.hasMetadata ? mainAlias.metadata : undefined;
}

export function factsOf(builder: Builder): EntityFacts | undefined {
  const metadata = metadataOf(builder);
  return metadata && keeperOf(builder.connection).factsOf(metadata);
}

/** What RETURNING lists: what TypeORM wants, and the rows that are followed. */
export function returningOf(builder: Builder, rows: WrittenRows | undefined, plain: string): string {
  return rows === undefined ? plain : rows.returning(plain, (name) => builder.escape(name));
}

/** The statement with the names of columns in place of those of properties. */
export function withColumnNames(builder: Builder, statement: string, plain: () => string): string {
  return keeperOf(builder.connection).memo?.textOf(builder, statement, plain) ?? plain();
}

/** The row of a checked statement was written, and has the version that came back. */
export function noteWritten(builder: Builder, check: VersionCheck, generated: object | undefined): void {
  const { row, keeping } = check;
  const version = row.facts.version!.getEntityValue(generated ?? {}) as Version;
  keeperOf(builder.connection).operations.current!.written.set(row.key, version);
  keeping?.book.noteWritten(row, version);
}
