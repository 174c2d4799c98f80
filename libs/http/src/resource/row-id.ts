import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const MOST: Readonly<Record<string, bigint>> = {
  smallint: 2n ** 15n,
  int2: 2n ** 15n,
  integer: 2n ** 31n,
  int: 2n ** 31n,
  int4: 2n ** 31n,
  bigint: 2n ** 63n,
  int8: 2n ** 63n,
};

/**
 * The primary key that a request names, as TypeORM's map of the key's properties; `undefined` when no row can have it: the
 * database would refuse to compare it, and that would abort the transaction.
 *
 * @param id - the plain value, or an object of the key's properties where there are several
 */
export function idMapOf(metadata: EntityMetadata, id: unknown): ObjectLiteral | undefined {
  if (id === undefined || id === null) return undefined;
  const map = metadata.ensureEntityIdMap(id) as ObjectLiteral;
  const isPossible = metadata.primaryColumns.every((column) => isKey(column, column.getEntityValue(map)));
  return isPossible ? map : undefined;
}

function isKey({ type, generationStrategy }: ColumnMetadata, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  const text = String(value);
  if (type === 'uuid' || generationStrategy === 'uuid') return UUID.test(text);
  const most = type === Number ? MOST.integer : MOST[String(type)];
  if (most === undefined) return !text.includes('\0');
  if (!/^-?\d{1,19}$/.test(text)) return false;
  const number = BigInt(text);
  return -most <= number && number < most;
}
