import type { EntityMetadata } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import { isValue } from './row-conditions.js';

type ColumnMetadata = EntityMetadata['columns'][number];

/**
 * The columns of the smallest unique key of which `where` names every value. Only with such a key can the server tell who of
 * several callers may create the row.
 *
 * @returns their names in the database
 * @throws InvalidOptionsError when there is none
 */
export function uniqueKeyIn(what: string, metadata: EntityMetadata, where: object): readonly string[] {
  const [key] = uniqueKeysOf(metadata)
    .filter((columns) => columns.every((column) => isNamed(column, where)))
    .toSorted((one, other) => one.length - other.length);
  if (key !== undefined) return key.map(({ databaseName }) => databaseName);
  throw new InvalidOptionsError(
    `${what}: ${metadata.name} has no unique key among ${namesOf(where)}, so several callers could each create a row. ` +
      `Name every column of a unique key with its value in where, or declare one: @Unique([${namesOf(where)}]).`,
    'where',
  );
}

/** ON CONFLICT takes neither a deferrable constraint nor, without its predicate, a partial index. */
function uniqueKeysOf(metadata: EntityMetadata): readonly (readonly ColumnMetadata[])[] {
  const constraints = metadata.uniques.filter(({ deferrable }) => deferrable === undefined);
  const indices = metadata.indices.filter(({ isUnique, where }) => isUnique && where === undefined);
  return [metadata.primaryColumns, ...[...constraints, ...indices].map(({ columns }) => columns)].filter(
    (columns) => columns.length > 0 && !columns.some(isCountedByDatabase),
  );
}

/** TypeORM's INSERT never sends a value for it, so the row would get another one than `where` names. */
function isCountedByDatabase({ isGenerated, generationStrategy }: ColumnMetadata): boolean {
  return isGenerated && generationStrategy === 'increment';
}

function isNamed(column: ColumnMetadata, where: object): boolean {
  const condition: unknown = column.getEntityValue(where);
  // `owner: true` asks for any owner.
  return isValue(condition) && !(column.relationMetadata !== undefined && typeof condition === 'boolean');
}

function namesOf(where: object): string {
  return Object.keys(where)
    .map((name) => `'${name}'`)
    .join(', ');
}
