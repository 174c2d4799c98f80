import { FindOperator, type EntityMetadata } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';

type Conditions = Readonly<Record<string, unknown>>;

/**
 * Whoever leaves out every condition, perhaps because a variable was undefined, would get just any row.
 *
 * @throws InvalidOptionsError when `where` says nothing
 */
export function checkWhere(what: string, where: unknown): void {
  const isObject = typeof where === 'object' && where !== null && !Array.isArray(where);
  if (isObject && Object.values(where).some((value) => value !== undefined)) return;
  throw new InvalidOptionsError(`${what}: where must be an object with at least one condition.`, 'where');
}

/** Whether a condition names a value that a row can have, as opposed to an operator. */
export function isValue(condition: unknown): boolean {
  return condition !== undefined && condition !== null && !(condition instanceof FindOperator);
}

/** Those conditions that name the value of a column, as an object of the entity's properties. */
export function valuesOf(metadata: EntityMetadata, where: object, path = ''): Conditions {
  return Object.fromEntries(
    Object.entries(where)
      .filter(([key, condition]) => isValue(condition) && isStored(metadata, path + key, condition as object))
      .map(([key, condition]) => [key, nestedValues(metadata, path + key, condition)]),
  );
}

function nestedValues(metadata: EntityMetadata, path: string, condition: unknown): unknown {
  if (metadata.findEmbeddedWithPropertyPath(path) !== undefined)
    return valuesOf(metadata, condition as object, `${path}.`);
  const related = metadata.findRelationWithPropertyPath(path)?.inverseEntityMetadata;
  return related === undefined ? condition : valuesOf(related, condition as object);
}

/** A condition on a related row says nothing about the row itself, unless it names the key that refers to it. */
function isStored(metadata: EntityMetadata, path: string, condition: object): boolean {
  const relation = metadata.findRelationWithPropertyPath(path);
  if (relation === undefined) return true;
  return (
    relation.isWithJoinColumn &&
    relation.joinColumns.every(({ referencedColumn }) => isValue(referencedColumn!.getEntityValue(condition)))
  );
}
