import type { JsonSchema } from './value-kinds.js';

/** One operation, in the words of OpenAPI. */
export interface OperationDocumentation {
  readonly summary: string;
  readonly parameters: readonly ParameterDocumentation[];
  readonly responses: Readonly<Record<number, ResponseDocumentation>>;
  /** Of the body. */
  readonly consumes?: readonly string[];
  /** Classes that schemas refer to. */
  readonly models: readonly Model[];
}

export type Model = new (...all: never[]) => object;

export interface ParameterDocumentation {
  /** Absent for the body. */
  readonly name?: string;
  readonly in: 'path' | 'query' | 'header' | 'body';
  readonly required: boolean;
  readonly description?: string;
  readonly schema: JsonSchema;
}

export interface ResponseDocumentation {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
  readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

/**
 * Documents a handler for `@nestjs/swagger` as its decorators do, which write metadata under these names and nothing else. So
 * the package need not be there, and need not be loaded before the application does it, in whatever module format.
 */
export function documentOperation(handler: object, documentation: OperationDocumentation): void {
  const { summary, parameters, responses, consumes, models } = documentation;
  // The type only keeps them from being left out: what is said of them stands in the schema.
  const typed = parameters.map((parameter) => ({ ...parameter, type: String }));
  const metadata: Readonly<Record<string, unknown>> = {
    'swagger/apiOperation': { summary },
    'swagger/apiParameters': typed,
    'swagger/apiResponse': responses,
    ...(consumes && { 'swagger/apiConsumes': consumes }),
    ...(models.length > 0 && { 'swagger/apiExtraModels': models }),
  };
  for (const [name, value] of Object.entries(metadata)) Reflect.defineMetadata(name, value, handler);
}

/** Groups a controller's operations. */
export function documentTags(controller: object, tags: readonly string[]): void {
  Reflect.defineMetadata('swagger/apiUseTags', tags, controller);
}

/** Whether the class has decorators of `@nestjs/swagger` (or its plugin's metadata) that say what it looks like. */
export function isModel(candidate: unknown): candidate is Model {
  if (typeof candidate !== 'function') return false;
  const properties = Reflect.getMetadata('swagger/apiModelPropertiesArray', candidate.prototype as object) as
    unknown[] | undefined;
  return (properties?.length ?? 0) > 0 || '_OPENAPI_METADATA_FACTORY' in candidate;
}

/** Refers to a class among the document's schemas. */
export function refTo(model: Model): JsonSchema {
  const named = Reflect.getOwnMetadata('swagger/apiSchema', model) as { name?: string }[] | undefined;
  return { $ref: `#/components/schemas/${named?.at(-1)?.name ?? model.name}` };
}
