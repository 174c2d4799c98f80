import { BadRequestException } from '@nestjs/common';
import type { Values } from './body-reader.js';
import {
  isWritable,
  type EntityProperties,
  type EntityProperty,
  type WritePurpose,
} from './entity-properties.js';

/**
 * What a body says of the columns, by their types.
 *
 * @throws BadRequestException with a line for everything that is wrong
 */
export function valuesOfColumns(properties: EntityProperties, body: Values, purpose: WritePurpose): Values {
  const wrong: string[] = [];
  const values = readPart(properties, body, { purpose, path: '', wrong });
  if (wrong.length > 0) throw new BadRequestException(wrong);
  return values;
}

interface Reading {
  readonly purpose: WritePurpose;
  /** The way to the part that is read, e.g. `address.`. */
  readonly path: string;
  readonly wrong: string[];
}

function readPart(properties: EntityProperties, body: Values, reading: Reading): Values {
  const { path, purpose, wrong } = reading;
  const values = Object.entries(body).map(([name, value]) => {
    const property = properties.get(name);
    if (property !== undefined && isWritable(property, purpose))
      return [name, readValue(property, value, reading)];
    wrong.push(`${path}${name} is not a property that can be set`);
    return [name, undefined];
  });
  if (purpose !== 'patch') wrong.push(...missingIn(properties, body, reading));
  return Object.fromEntries(values) as Values;
}

function readValue(
  { name, parts, kind, isNullable }: EntityProperty,
  value: unknown,
  reading: Reading,
): unknown {
  const { path, wrong } = reading;
  if (parts !== undefined) {
    if (isObject(value)) return readPart(parts, value, { ...reading, path: `${path}${name}.` });
    wrong.push(`${path}${name} must be an object`);
    return undefined;
  }
  if (value === null) {
    if (!isNullable) wrong.push(`${path}${name} must not be null`);
    return null;
  }
  const read = kind?.fromJson(value);
  if (read === undefined)
    wrong.push(`${path}${name} must be ${kind?.expected ?? 'left out: it has no plain type'}`);
  return read;
}

function missingIn(properties: EntityProperties, body: Values, { path, purpose }: Reading): string[] {
  return [...properties.values()]
    .filter(
      (property) =>
        isWritable(property, purpose) && isRequired(property) && !Object.hasOwn(body, property.name),
    )
    .map(({ name }) => `${path}${name} is required`);
}

/** Whether a row cannot do without a value that the client gives. */
export function isRequired({ role, kind, isNullable, byDefault }: EntityProperty): boolean {
  return role === 'value' && kind !== undefined && !isNullable && byDefault === undefined;
}

export function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
