import { getMetadataArgsStorage, type ColumnType } from 'typeorm';
import { kindOf, versionKind, type ValueKind } from './value-kinds.js';

/**
 * What a property is. Only `value` and `part` are ever written from a body.
 *
 * - `value`: a plain column;
 * - `part`: an embedded entity, with properties of its own;
 * - `key`, `version`, `deleted`: primary key, version, date of deletion;
 * - `kept`: what the server or the database keeps: other dates, generated and computed columns, discriminators, tree columns;
 * - `hidden`: a column with `select: false`;
 * - `relation`.
 */
export type PropertyRole = 'value' | 'part' | 'key' | 'version' | 'deleted' | 'kept' | 'hidden' | 'relation';

/** What the decorators of an entity tell of one of its properties. */
export interface EntityProperty {
  readonly name: string;
  readonly role: PropertyRole;
  /** `undefined` where no kind of value can be told, and for relations and parts. */
  readonly kind?: ValueKind | undefined;
  readonly isNullable: boolean;
  /** The default of the column, as it was declared. */
  readonly byDefault?: unknown;
  readonly isInserted: boolean;
  readonly isUpdated: boolean;
  /** Of a key: whether the database makes it, and how. */
  readonly generation?: string | undefined;
  /** Of a part. */
  readonly parts?: EntityProperties;
}

export type EntityProperties = ReadonlyMap<string, EntityProperty>;

type Column = ReturnType<ReturnType<typeof getMetadataArgsStorage>['filterColumns']>[number];
type Class = abstract new (...all: never[]) => object;

/**
 * What an entity's decorators tell of its properties, in the order in which they stand. It is known as soon as the class is,
 * long before a DataSource is made.
 */
export function entityProperties(entity: Class): EntityProperties {
  const targets = [...ancestry(entity)];
  const storage = getMetadataArgsStorage();
  const discriminator = targets.map((each) => storage.findInheritanceType(each)?.column?.name).find(Boolean);
  const columns = storage
    .filterColumns(targets)
    .map((column) => columnProperty(column, targets, discriminator));
  const relations = storage
    .filterRelations(targets)
    .map(({ propertyName }) => relationProperty(propertyName));
  const parts = storage
    .filterEmbeddeds(targets)
    .map(({ propertyName, type, isArray }) =>
      isArray ? relationProperty(propertyName) : partProperty(propertyName, type() as Class),
    );
  return new Map([...columns, ...parts, ...relations].map((property) => [property.name, property]));
}

export const isEntity = (candidate: unknown): candidate is Class =>
  typeof candidate === 'function' &&
  [...ancestry(candidate as Class)].some((each) => getMetadataArgsStorage().filterTables(each).length > 0);

/** The class itself first: where a child declares a column anew, its declaration holds. */
function* ancestry(entity: Class): Generator<Class> {
  for (let each = entity; each !== Function.prototype; each = Object.getPrototypeOf(each) as Class)
    yield each;
}

function columnProperty(
  { propertyName: name, mode, options }: Column,
  targets: Class[],
  discriminator: string | undefined,
): EntityProperty {
  const generation = getMetadataArgsStorage().findGenerated(targets, name)?.strategy;
  const isKept = generation !== undefined || options.generatedType !== undefined || name === discriminator;
  return {
    name,
    role: roleOf(mode, options, isKept),
    kind:
      mode === 'version'
        ? versionKind(options)
        : kindOf({ ...options, type: options.type ?? typeByMode(mode, generation) }),
    isNullable: options.nullable === true,
    byDefault: options.default,
    isInserted: options.insert !== false,
    isUpdated: options.update !== false,
    generation,
  };
}

/** The types of PostgreSQL that TypeORM takes where the decorator names none. */
function typeByMode(mode: Column['mode'], generation: string | undefined): NonNullable<ColumnType> {
  if (generation === 'uuid') return 'uuid';
  return mode.endsWith('Date') ? 'timestamp' : 'int4';
}

function roleOf(mode: Column['mode'], options: Column['options'], isKept: boolean): PropertyRole {
  if (options.primary === true) return 'key';
  if (mode === 'version') return 'version';
  if (options.select === false) return 'hidden';
  if (mode === 'deleteDate') return 'deleted';
  if (mode !== 'regular' || isKept) return 'kept';
  return options.insert === false && options.update === false ? 'kept' : 'value';
}

const relationProperty = (name: string): EntityProperty => ({
  name,
  role: 'relation',
  isNullable: false,
  isInserted: false,
  isUpdated: false,
});

const partProperty = (name: string, type: Class): EntityProperty => ({
  name,
  role: 'part',
  parts: entityProperties(type),
  isNullable: false,
  isInserted: true,
  isUpdated: true,
});

/** Whether a body may say anything of the property, when a row is made or when it is changed. */
export function isWritable({ role, isInserted, isUpdated }: EntityProperty, purpose: WritePurpose): boolean {
  if (role !== 'value' && role !== 'part') return false;
  return purpose === 'create' ? isInserted : isUpdated;
}

/** Of `values`, those that a body may say, in parts as well. */
export function writableValues(
  properties: EntityProperties,
  values: object,
  purpose: WritePurpose,
): Readonly<Record<string, unknown>> {
  const entries = Object.entries(values).flatMap(([name, value]: [string, unknown]) => {
    const property = properties.get(name);
    if (value === undefined || property === undefined || !isWritable(property, purpose)) return [];
    const isPart = property.parts !== undefined && typeof value === 'object' && value !== null;
    return [[name, isPart ? writableValues(property.parts, value, purpose) : value] as const];
  });
  return Object.fromEntries(entries);
}

export type WritePurpose = 'create' | 'replace' | 'patch';
