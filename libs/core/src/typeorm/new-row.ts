import type { DeepPartial, EntityMetadata, FindOptionsWhere, ObjectLiteral, Repository } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import { isValue, valuesOf } from './row-conditions.js';

/** What a new row has besides the values in `where`; a function is called only when a row must be created. */
export type NewRow<E> = DeepPartial<E> | (() => DeepPartial<E> | Promise<DeepPartial<E>>);

/**
 * Makes entities of what `create` and `where` say, not stored yet: a new one each time, because listeners may change it, of
 * values that are asked for once.
 */
export function rowMaker<E extends ObjectLiteral>(
  repository: Repository<E>,
  where: FindOptionsWhere<E>,
  create: NewRow<E>,
): () => Promise<E> {
  let values: DeepPartial<E> | Promise<DeepPartial<E>> | undefined;
  return async () => {
    values ??= typeof create === 'function' ? create() : create;
    const entity = repository.create();
    assign(repository, entity, (await values) as ObjectLiteral);
    assign(repository, entity, valuesOf(repository.metadata, where));
    return entity;
  };
}

/** @throws InvalidOptionsError for an entity of which creating a row takes more than one INSERT */
export function checkInsertable(what: string, { name, treeType }: EntityMetadata): void {
  if (treeType === undefined) return;
  throw new InvalidOptionsError(
    `${what}: ${name} is a tree, whose rows only save() can create. Look for the row while its parent is locked ` +
      `(lockForUpdate), and save() it when there is none.`,
    'repository',
  );
}

/** @throws InvalidOptionsError when `entity` has related rows that would have to be stored, too */
export function checkRelations(what: string, metadata: EntityMetadata, entity: ObjectLiteral): void {
  for (const relation of metadata.relations) {
    const related: unknown = relation.getEntityValue(entity);
    if (isNothing(related)) continue;
    const [problem, remedy] = relation.isWithJoinColumn
      ? ['refers to a row that has no key yet', 'Store that row first.']
      : ['is stored in other rows than the one to create', 'Store it afterwards, when created is true.'];
    const isStorable =
      relation.isWithJoinColumn &&
      relation.joinColumns.every((column) => isValue(column.getEntityValue(entity)));
    if (!isStorable)
      throw new InvalidOptionsError(
        `${what}: '${relation.propertyPath}' of ${metadata.name} ${problem}. ${remedy}`,
        'create',
      );
  }
}

function isNothing(related: unknown): boolean {
  return !isValue(related) || (Array.isArray(related) && related.length === 0);
}

/**
 * Sets what `values` has, as if each property was assigned. TypeORM's own `merge()` would write a relation's new values into
 * the related entity that is there.
 */
export function assign<E extends ObjectLiteral>(
  { metadata }: Repository<E>,
  entity: E,
  values: ObjectLiteral,
): void {
  for (const column of metadata.nonVirtualColumns) {
    const value: unknown = column.getEntityValue(values);
    if (value !== undefined) column.setEntityValue(entity, value);
  }
  for (const relation of metadata.relations) {
    const value: unknown = relation.getEntityValue(values, true);
    const isKeyGiven = relation.joinColumns.some(
      (column) => !column.isVirtual && column.getEntityValue(values) !== undefined,
    );
    // With its key alone given, the entity that is there goes: TypeORM would take it for more current than the key.
    if (value === undefined && !isKeyGiven) continue;
    if (relation.embeddedMetadata !== undefined) relation.setEntityValue(entity, value);
    else Object.assign(entity, { [relation.propertyName]: value });
  }
}
