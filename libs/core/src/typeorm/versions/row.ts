import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import { InvalidOptionsError } from '../../errors.js';
import type { EntityFacts } from './entity-facts.js';
import { isIntegerType } from './integer-types.js';
import type { Version } from './version.js';

/** One row of an entity's table. */
export interface Row {
  readonly facts: EntityFacts;
  /** TypeORM's map of the primary key's properties. */
  readonly id: ObjectLiteral;
  /** The same for the same row, whatever object or type its key was read from; sorts rows in one stable order. */
  readonly key: string;
}

export function rowOf(facts: EntityFacts, id: ObjectLiteral): Row {
  return { facts, id, key: keyOf(facts.metadata, id) };
}

/**
 * The row that a caller names.
 *
 * @param id - the primary key: the plain value, or an object of the key's properties
 * @throws InvalidOptionsError when the key, or a part of it, is missing
 */
export function requireRow(what: string, facts: EntityFacts, id: unknown): Row {
  const { metadata } = facts;
  const isGiven = id !== undefined && id !== null;
  const map = isGiven ? (metadata.ensureEntityIdMap(id) as ObjectLiteral) : {};
  const isComplete = metadata.primaryColumns.every((column) => isValue(primaryValue(column, map)));
  if (isComplete) return rowOf(facts, map);
  const properties = metadata.primaryColumns.map(({ propertyPath }) => propertyPath).join(', ');
  throw new InvalidOptionsError(`${what} needs the primary key of a ${metadata.name} (${properties}).`, 'id');
}

function isValue(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function keyOf(metadata: EntityMetadata, id: ObjectLiteral): string {
  const { primaryColumns, tablePath } = metadata;
  if (primaryColumns.length === 1) return `${tablePath} ${textOf(primaryColumns[0]!, id)}`;
  return `${tablePath} ${JSON.stringify(primaryColumns.map((column) => textOf(column, id)))}`;
}

/** The key as errors show it: the plain value, or an object where there are several. */
export function shownId({ facts: { metadata }, id }: Row): unknown {
  return metadata.hasMultiplePrimaryKeys ? id : primaryValue(metadata.primaryColumns[0]!, id);
}

/** The value of one column of a primary key, also where a relation is part of the key. */
export function primaryValue(column: ColumnMetadata, id: ObjectLiteral): unknown {
  const value: unknown = column.getEntityValue(id);
  const { referencedColumn } = column;
  return referencedColumn !== undefined && isPlain(value) ? primaryValue(referencedColumn, value) : value;
}

function isPlain(value: unknown): value is ObjectLiteral {
  return typeof value === 'object' && value !== null && !(value instanceof Date) && !Buffer.isBuffer(value);
}

/** As the database would write it: what it takes for the same key must not look like two. */
function textOf(column: ColumnMetadata, id: ObjectLiteral): string {
  const value = primaryValue(column, id);
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return value.toString('hex');
  const text = String(value);
  if (typeof value !== 'string') return text;
  if (column.type === 'uuid' || column.generationStrategy === 'uuid') return text.toLowerCase();
  return /^[-+]?0*\d+$/.test(text) && isIntegerType(column.type)
    ? String(BigInt(text.replace(/^\+/, '')))
    : text;
}

/** The version that the first of the objects carries which has one. */
export function versionIn({ facts }: Row, objects: readonly ObjectLiteral[]): Version | undefined {
  for (const object of objects) {
    const version = facts.version!.getEntityValue(object) as Version | null | undefined;
    if (version !== undefined && version !== null) return version;
  }
  return undefined;
}

/** What belongs to rows, in the one order in which all transactions lock them. */
export function inLockOrder<T>(byKey: ReadonlyMap<string, T>): readonly T[] {
  return [...byKey].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, each]) => each);
}
