import type { ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';

/** Deeply merges `from` into `into`, and returns it. */
export function merge(into: ObjectLiteral, from: ObjectLiteral): ObjectLiteral {
  for (const [key, value] of Object.entries(from)) {
    into[key] = isMap(into[key]) && isMap(value) ? merge(into[key], value) : value;
  }
  return into;
}

/** A copy of TypeORM's map of values without one column's, which may be embedded. */
export function withoutColumn(values: ObjectLiteral, { propertyPath }: ColumnMetadata): ObjectLiteral {
  return withoutPath(values, propertyPath.split('.'));
}

export function isEmpty(values: unknown): boolean {
  return isMap(values) && Object.keys(values).length === 0;
}

function withoutPath(values: ObjectLiteral, [first, ...rest]: readonly string[]): ObjectLiteral {
  const { [first!]: value, ...others } = values;
  if (rest.length === 0 || !isMap(value)) return others;
  const inner = withoutPath(value, rest);
  return isEmpty(inner) ? others : { ...others, [first!]: inner };
}

function isMap(value: unknown): value is ObjectLiteral {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}
