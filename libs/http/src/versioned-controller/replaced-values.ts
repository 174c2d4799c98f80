import { BadRequestException } from '@nestjs/common';
import { applyMergePatch } from '../rfc/merge-patch.js';
import type { Values } from './body-reader.js';
import { isObject } from './column-values.js';
import {
  isWritable,
  writableValues,
  type EntityProperties,
  type EntityProperty,
} from './entity-properties.js';

/**
 * What a PUT writes: the body's values, and of what it leaves out, the default or NULL.
 *
 * @param known - the properties that a body can have; the others keep what they have
 * @throws BadRequestException when it leaves out what has neither
 */
export function completed(
  properties: EntityProperties,
  values: Values,
  known: ReadonlySet<string> | undefined,
): Values {
  const missing = [...properties.values()].filter(
    (property) =>
      isWritable(property, 'replace') &&
      known?.has(property.name) === true &&
      !Object.hasOwn(values, property.name),
  );
  const entries = missing.map((property) => [property, initialValue(property)] as const);
  const wrong = entries.filter(([, value]) => value === undefined);
  if (wrong.length > 0) throw new BadRequestException(wrong.map(([{ name }]) => `${name} is required`));
  const filled = Object.entries(values).map(([name, value]) => [
    name,
    filledPart(properties.get(name), value),
  ]);
  return Object.fromEntries([...filled, ...entries.map(([{ name }, value]) => [name, value])]) as Values;
}

/** A part is replaced as a whole: what is left out of it does not stay either. */
function filledPart(property: EntityProperty | undefined, value: unknown): unknown {
  if (property?.parts === undefined || !isObject(value)) return value;
  const missing = [...property.parts.values()]
    .filter((part) => isWritable(part, 'replace') && !Object.hasOwn(value, part.name))
    .map((part) => [part.name, initialValue(part)] as const)
    .filter(([, initial]) => initial !== undefined);
  return { ...value, ...Object.fromEntries(missing) };
}

/** `undefined` where only the database could tell it, and for parts, which are replaced as a whole. */
function initialValue({ role, kind, byDefault, isNullable }: EntityProperty): unknown {
  if (role === 'part' || typeof byDefault === 'function') return undefined;
  // A document's default is declared as the text that SQL takes.
  if (kind?.isDocument === true && typeof byDefault === 'string') return JSON.parse(byDefault) as unknown;
  return byDefault ?? (isNullable ? null : undefined);
}

/** The row as a body of a PUT would have it. */
export function bodyOf(
  properties: EntityProperties,
  row: object,
  known: ReadonlySet<string> | undefined,
): Values {
  const writable = Object.entries(writableValues(properties, row, 'patch'));
  const shown = writable.filter(([name]) => known?.has(name) !== false);
  return JSON.parse(JSON.stringify(Object.fromEntries(shown))) as Values;
}

/**
 * What a merge patch makes of the properties that it names: documents and parts are merged into what is there, the rest is
 * replaced. `null` stays, because a column is set to NULL and not removed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7396
 */
export function mergedValues(properties: EntityProperties, row: object, patch: Values): Values {
  const entries = Object.entries(patch).map(([name, value]) => {
    const property = properties.get(name);
    const current = (row as Values)[name];
    if (!isObject(value)) return [name, value];
    if (property?.parts !== undefined)
      return [name, mergedValues(property.parts, isObject(current) ? current : {}, value)];
    return [name, property?.kind?.isDocument === true ? applyMergePatch(current, value) : value];
  });
  return Object.fromEntries(entries) as Values;
}
