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
  readonly #validate: Validate;
  /** Without what the definition does not know, in place of refusing it. */
  readonly #reduce: Validate;

  constructor(properties: EntityProperties, definition: BodyDefinition | undefined) {
    this.#properties = properties;
    this.#definition = definition;
    this.#validate = validatorOf(definition, true);
    this.#reduce = validatorOf(definition, false);
  }

  /** @throws BadRequestException with a line for everything that is wrong */
  async read(body: Values, purpose: WritePurpose): Promise<Values> {
    if (this.#definition === undefined) return valuesOfColumns(this.#properties, body, purpose);
    return this.#writable(await this.#validate(body), purpose);
  }

  /**
   * What a patch makes of a row. The row may have more than the definition knows, in its parts as well; the patch may not.
   *
   * @throws BadRequestException with a line for everything that is wrong
   */
  async readPatched(whole: Values, patch: Values): Promise<Values> {
    const known = await this.knownProperties();
    const unknown = Object.keys(patch).filter((name) => known?.has(name) === false);
    if (unknown.length > 0)
      throw new BadRequestException(unknown.map((name) => `property ${name} should not exist`));
    return this.#writable(await this.#reduce(whole), 'patch');
  }

  #writable(validated: unknown, purpose: WritePurpose): Values {
    const values = writableValues(this.#properties, validated as object, purpose);
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

type Validate = (body: Values) => Promise<unknown>;

function validatorOf(definition: BodyDefinition | undefined, forbidNonWhitelisted: boolean): Validate {
  if (definition === undefined) return (body) => Promise.resolve(body);
  if (isStandardSchema(definition)) return (body) => conforming(definition, body);
  // Of its own, so that it is the same whatever the application's global pipes are.
  const pipe = new ValidationPipe({
    expectedType: definition as new () => object,
    transform: true,
    whitelist: true,
    forbidNonWhitelisted,
  });
  return (body) => pipe.transform(body, { type: 'body', metatype: definition as new () => object });
}

async function conforming(schema: StandardSchema, body: Values): Promise<unknown> {
  const result = await schema['~standard'].validate(body);
  if (result.issues !== undefined) throw new BadRequestException(issuesOf(result));
  return result.value;
}
