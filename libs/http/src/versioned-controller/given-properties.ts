import { BadRequestException, ConflictException } from '@nestjs/common';
import type { Version } from '@nest-transactional/core';
import type { Values } from './body-reader.js';
import { isObject } from './column-values.js';
import {
  isWritable,
  type EntityProperties,
  type EntityProperty,
  type WritePurpose,
} from './entity-properties.js';

/** @throws BadRequestException for a body that is no object */
export function requireObject(body: unknown): Values {
  if (isObject(body) && !isTooDeep(body)) return body;
  if (isObject(body)) throw new BadRequestException(`The body has more than ${MOST_LEVELS} levels.`);
  throw new BadRequestException('The body must be a JSON object.');
}

const MOST_LEVELS = 100;

/** Level by level and not by recursion, which such a body would exhaust. */
function isTooDeep(body: object): boolean {
  let level: object[] = [body];
  for (let depth = 0; depth < MOST_LEVELS && level.length > 0; depth++) {
    level = level.flatMap((each) =>
      Object.values(each).filter((value) => typeof value === 'object' && value !== null),
    );
  }
  return level.length > 0;
}

/** What a body is compared with. */
export interface Comparison {
  readonly purpose: WritePurpose;
  /** The row as it is; `undefined` where a new one is made. */
  readonly current?: object | undefined;
  /** The entity's name, for errors. */
  readonly entity: string;
}

/**
 * The body without the properties that are not the client's. These are never written: they may only repeat what is there, as
 * when a client sends back what GET has given.
 *
 * @throws BadRequestException when they say anything else
 * @throws ConflictException when the version is another one
 */
export function withoutKept(properties: EntityProperties, body: Values, comparison: Comparison): Values {
  const kept = Object.keys(body).filter((name) => {
    const property = properties.get(name);
    return property !== undefined && !isWritable(property, comparison.purpose);
  });
  const wrong = kept.filter((name) => !isRepeated(properties.get(name)!, body[name], comparison));
  if (wrong.length > 0) throw new BadRequestException(wrong.map((name) => `${name} cannot be set`));
  return Object.fromEntries(Object.entries(body).filter(([name]) => !kept.includes(name)));
}

function isRepeated(property: EntityProperty, given: unknown, { current, entity }: Comparison): boolean {
  const { name, role, kind } = property;
  // Whether it repeats what is hidden would tell what that is.
  if (current === undefined || role === 'hidden') return false;
  const stored = (current as Values)[name];
  if (stored === undefined) return false;
  const read = given === null ? null : kind?.fromJson(given);
  if (
    role === 'version' &&
    read !== undefined &&
    read !== null &&
    String(read as Version) !== String(stored as Version)
  )
    throw changed(entity, stored);
  return JSON.stringify(read ?? given) === JSON.stringify(stored);
}

function changed(entity: string, currentVersion: unknown): ConflictException {
  return new ConflictException({
    statusCode: 409,
    error: 'Conflict',
    message: `The ${entity} has been changed since the version in the body. Nothing was stored; get it again.`,
    currentVersion,
  });
}
