import { BadRequestException, ValidationPipe } from '@nestjs/common';
import { valuesOfColumns } from './column-values.js';
import { writableValues, type EntityProperties, type WritePurpose } from './entity-properties.js';
import { isStandardSchema, issuesOf } from './standard-schema.js';
import type { BodyDefinition, StandardSchema } from './versioned-controller-options.js';

/** What a request says of a row: by property, and only of plain columns. */
export type Values = Readonly<Record<string, unknown>>;

/** Makes values of a body, as its definition says; without one, as the columns of the entity say. */
export class BodyReader {
  readonly #properties: EntityProperties;
  readonly #definition: BodyDefinition | undefined;
  readonly #validate: (body: Values) => Promise<unknown>;

  constructor(properties: EntityProperties, definition: BodyDefinition | undefined) {
    this.#properties = properties;
    this.#definition = definition;
    this.#validate = definition === undefined ? (body) => Promise.resolve(body) : validatorOf(definition);
  }

  /** @throws BadRequestException with a line for everything that is wrong */
  async read(body: Values, purpose: WritePurpose): Promise<Values> {
    if (this.#definition === undefined) return valuesOfColumns(this.#properties, body, purpose);
    const values = writableValues(this.#properties, (await this.#validate(body)) as object, purpose);
    assertNullable(
      this.#properties,
      Object.keys(values).filter((name) => values[name] === null),
    );
    return values;
  }

  /** The properties that a body may have; `undefined` where the definition does not tell. */
  async knownProperties(): Promise<ReadonlySet<string> | undefined> {
    if (this.#definition === undefined) return new Set(this.#properties.keys());
    if (isStandardSchema(this.#definition)) return undefined;
    const { getMetadataStorage } = await import('class-validator');
    const rules = getMetadataStorage().getTargetValidationMetadatas(this.#definition, '', false, false);
    return new Set(rules.map(({ propertyName }) => propertyName));
  }
}

/** @throws BadRequestException when one of the properties cannot be NULL */
export function assertNullable(properties: EntityProperties, names: readonly string[]): void {
  const wrong = names.filter((name) => properties.get(name)?.isNullable !== true);
  if (wrong.length > 0) throw new BadRequestException(wrong.map((name) => `${name} must not be null`));
}

function validatorOf(definition: BodyDefinition): (body: Values) => Promise<unknown> {
  if (isStandardSchema(definition)) return (body) => conforming(definition, body);
  // Of its own, so that it is the same whatever the application's global pipes are.
  const pipe = new ValidationPipe({
    expectedType: definition as new () => object,
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
  });
  return (body) => pipe.transform(body, { type: 'body', metatype: definition as new () => object });
}

async function conforming(schema: StandardSchema, body: Values): Promise<unknown> {
  const result = await schema['~standard'].validate(body);
  if (result.issues !== undefined) throw new BadRequestException(issuesOf(result));
  return result.value;
}
