import type { EntityProperties, EntityProperty, WritePurpose } from './entity-properties.js';
import { isWritable } from './entity-properties.js';
import { isRequired } from './column-values.js';
import { isModel, refTo, type Model } from './open-api.js';
import type { ResourcePlan } from './resource-plan.js';
import { isStandardSchema } from './standard-schema.js';
import type { JsonSchema } from './value-kinds.js';
import type { BodyDefinition, StandardSchema } from './versioned-controller-options.js';

/** A schema, and the classes that it refers to. */
export interface ModelledSchema {
  readonly schema: JsonSchema;
  readonly models: readonly Model[];
}

/** What is sent. */
export function representationSchema({ options, entity, properties }: ResourcePlan): ModelledSchema {
  const definition = options.dto?.read;
  if (definition !== undefined) return schemaOf(definition, 'output');
  if (isModel(entity)) return modelled(entity);
  return plain(columnsSchema(properties, isSent, () => false));
}

/** What a body must be. */
export function bodySchema({ options, properties }: ResourcePlan, purpose: WritePurpose): ModelledSchema {
  const { create, replace, patch } = options.dto ?? {};
  const definition = { create: create ?? replace, replace: replace ?? create, patch }[purpose];
  if (definition !== undefined) return schemaOf(definition, 'input');
  const isNeeded = purpose === 'patch' ? () => false : isRequired;
  return plain({
    ...columnsSchema(properties, (each) => isWritable(each, purpose), isNeeded),
    additionalProperties: false,
  });
}

function schemaOf(definition: BodyDefinition, direction: 'input' | 'output'): ModelledSchema {
  if (isStandardSchema(definition)) return plain(standardSchema(definition, direction));
  return isModel(definition) ? modelled(definition) : plain({ type: 'object' });
}

/** Some libraries tell the JSON Schema of their schemas. @see https://standardschema.dev/json-schema */
function standardSchema(schema: StandardSchema, direction: 'input' | 'output'): JsonSchema {
  const { jsonSchema } = schema['~standard'] as { jsonSchema?: JsonSchemaMaker };
  try {
    return jsonSchema?.[direction]({ target: 'openapi-3.0' }) ?? { type: 'object' };
  } catch {
    // It has something that OpenAPI cannot say.
    return { type: 'object' };
  }
}

type JsonSchemaMaker = Readonly<Record<'input' | 'output', (options: { target: string }) => JsonSchema>>;

function columnsSchema(
  properties: EntityProperties,
  isIncluded: (property: EntityProperty) => boolean,
  isNeeded: (property: EntityProperty) => boolean,
): JsonSchema {
  const included = [...properties.values()].filter(isIncluded);
  const required = included.filter(isNeeded).map(({ name }) => name);
  const schemas = included.map(
    (property) => [property.name, propertySchema(property, isIncluded, isNeeded)] as const,
  );
  return {
    type: 'object',
    properties: Object.fromEntries(schemas),
    ...(required.length > 0 && { required }),
  };
}

function propertySchema(
  { parts, kind, isNullable }: EntityProperty,
  isIncluded: (property: EntityProperty) => boolean,
  isNeeded: (property: EntityProperty) => boolean,
): JsonSchema {
  if (parts !== undefined) return columnsSchema(parts, isIncluded, isNeeded);
  return { ...kind?.schema, ...(isNullable && kind?.isDocument !== true && { nullable: true }) };
}

const isSent = ({ role }: EntityProperty): boolean => role !== 'hidden' && role !== 'relation';
const modelled = (model: Model): ModelledSchema => ({ schema: refTo(model), models: [model] });
const plain = (schema: JsonSchema): ModelledSchema => ({ schema, models: [] });
