import { InvalidOptionsError } from '@nest-transactional/core';
import { BodyReader } from './body-reader.js';
import { checkControllerOptions, OPERATIONS } from './check-controller-options.js';
import {
  entityProperties,
  isEntity,
  type EntityProperties,
  type EntityProperty,
} from './entity-properties.js';
import type { ValueKind } from './value-kinds.js';
import type { Operation, VersionedControllerOptions } from './versioned-controller-options.js';

export type EntityClass<E extends object = object> = new (...all: never[]) => E;

/** A property by which a row is found. */
export type KeyProperty = EntityProperty & { readonly kind: ValueKind };

/** What a controller serves and how, decided once. */
export interface ResourcePlan {
  readonly entity: EntityClass;
  readonly properties: EntityProperties;
  readonly key: KeyProperty;
  readonly version: EntityProperty;
  readonly operations: readonly Operation[];
  readonly options: VersionedControllerOptions<object>;
  readonly bodies: { readonly [K in 'create' | 'replace']: BodyReader } & {
    readonly patch: BodyReader | undefined;
  };
}

/** @throws InvalidOptionsError for a class that cannot be served, and for options that do not fit it */
export function planResource(entity: EntityClass, options: unknown): ResourcePlan {
  const where = `createVersionedController(${nameOf(entity)})`;
  if (!isEntity(entity)) {
    throw new InvalidOptionsError(`${where}: give it a class that is decorated with @Entity().`, 'entity');
  }
  const properties = entityProperties(entity);
  checkControllerOptions(where, options, properties);
  const key = keyOf(where, properties);
  const { create, replace, patch } = options.dto ?? {};
  return Object.freeze({
    entity,
    properties,
    key,
    version: versionOf(where, properties),
    operations: operationsOf(where, key, options),
    options,
    bodies: {
      create: new BodyReader(properties, create ?? replace),
      replace: new BodyReader(properties, replace ?? create),
      patch: patch && new BodyReader(properties, patch),
    },
  });
}

/** Whether a client can choose the id of a new row. */
export const isKeyFree = ({ generation }: KeyProperty): boolean =>
  generation === undefined || generation === 'uuid';

function keyOf(where: string, properties: EntityProperties): KeyProperty {
  const keys = [...properties.values()].filter(({ role }) => role === 'key');
  const [key, ...others] = keys;
  if (key?.kind?.fromText === undefined || others.length > 0) {
    const found = keys.map(({ name }) => name).join(', ') || 'none';
    throw new InvalidOptionsError(
      `${where}: it serves entities with one primary column of a plain type, and found ${found}. Write a controller with ` +
        `@Versioned() for others.`,
      'entity',
    );
  }
  return key as KeyProperty;
}

function versionOf(where: string, properties: EntityProperties): EntityProperty {
  const version = [...properties.values()].find(({ role }) => role === 'version');
  if (version !== undefined) return version;
  throw new InvalidOptionsError(`${where}: the entity has no version. Give it a @VersionColumn().`, 'entity');
}

function operationsOf(
  where: string,
  key: KeyProperty,
  { operations, putCreates }: VersionedControllerOptions<object>,
): readonly Operation[] {
  if (putCreates === true && !isKeyFree(key)) {
    throw new InvalidOptionsError(
      `${where}: putCreates lets the client choose the id, but the database counts ${key.name}. Leave it out, or use UUIDs.`,
      'putCreates',
    );
  }
  return operations ?? OPERATIONS.filter((each) => each !== 'create' || key.generation !== undefined);
}

function nameOf(candidate: unknown): string {
  return typeof candidate === 'function' ? candidate.name : String(candidate);
}
