import type { EntityMetadata } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { EntityFacts } from '../versions/entity-facts.js';

/** What of an entity decides whether its UPDATE can be kept. */
export function isPlainToUpdate({ metadata, version, roots }: EntityFacts): boolean {
  const { tableType, treeType, discriminatorColumn, childEntityMetadatas, parentEntityMetadata } = metadata;
  if (version === undefined || roots.length > 0 || tableType !== 'regular' || treeType !== undefined)
    return false;
  if (discriminatorColumn ?? parentEntityMetadata ?? childEntityMetadatas[0]) return false;
  const { relations, relationIds, embeddeds, columns, beforeUpdateListeners, afterUpdateListeners } =
    metadata;
  if (relationIds.length > 0 || embeddeds.length > 0) return false;
  if (beforeUpdateListeners.length > 0 || afterUpdateListeners.length > 0) return false;
  return relations.every(({ isLazy }) => !isLazy) && columns.every(isPlainColumn);
}

/** Foreign keys without a property are no part of the entity. */
function isPlainColumn(column: ColumnMetadata): boolean {
  const { isVirtual, isVirtualProperty, transformer, relationMetadata, referencedColumn } = column;
  return (
    isVirtual || (!isVirtualProperty && (transformer ?? relationMetadata ?? referencedColumn) === undefined)
  );
}

/** Whether the text takes the changed values first, then the key, then the version, and no others. */
export function isAsExpected(
  sql: string,
  changed: readonly ColumnMetadata[],
  { metadata, version }: EntityFacts,
): boolean {
  const placed = [...changed, ...metadata.primaryColumns, version!].map(
    ({ databaseName }, index) => `${escaped(metadata, databaseName)} = $${index + 1}`,
  );
  const set = placed.slice(0, changed.length).join(', ');
  const conditions = placed.slice(changed.length);
  const [head = '', where = ''] = sql.split(' WHERE ');
  const isSet = head.includes(` SET ${set}, `) || head.endsWith(` SET ${set}`);
  const isInOrder = conditions.every(
    (each, index) =>
      where.includes(each) && (index === 0 || where.indexOf(conditions[index - 1]!) < where.indexOf(each)),
  );
  return isSet && isInOrder && sql.match(/\$\d+/g)?.length === placed.length;
}

function escaped({ connection }: EntityMetadata, name: string): string {
  return connection.driver.escape(name);
}
