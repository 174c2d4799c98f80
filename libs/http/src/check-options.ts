import { closest } from 'fastest-levenshtein';
import { InvalidOptionsError } from '@nest-transactional/core';

/** What a value must be, in words that complete "must be …". */
export interface Expectation {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

export type Schema<T> = { readonly [K in keyof Required<T>]: Expectation };

export const aBoolean: Expectation = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export const aString: Expectation = {
  expected: 'a non-empty string',
  accepts: (value) => typeof value === 'string' && value.length > 0,
};

export const aFunction: Expectation = {
  expected: 'a function',
  accepts: (value) => typeof value === 'function',
};

export const aWholeNumber: Expectation = {
  expected: 'a whole number, 0 or more',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};

export const aDuration: Expectation = {
  expected: 'a whole number of milliseconds above 0',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};

export const anObject: Expectation = {
  expected: 'an object of options',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};

export function oneOf(...values: readonly string[]): Expectation {
  return {
    expected: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

export function either(first: Expectation, second: Expectation): Expectation {
  return {
    expected: `${first.expected}, or ${second.expected}`,
    accepts: (value) => first.accepts(value) || second.accepts(value),
  };
}

export function listOf(item: Expectation): Expectation {
  return {
    expected: `an array, each item ${item.expected}`,
    accepts: (value) => Array.isArray(value) && value.every((each) => item.accepts(each)),
  };
}

/** @throws InvalidOptionsError when `options` has an unknown key (naming the nearest one) or an ill-typed value */
export function checkOptions<T extends object>(
  where: string,
  options: unknown,
  schema: Schema<T>,
): asserts options is T {
  if (!anObject.accepts(options)) {
    throw new InvalidOptionsError(`${where} takes an object of options, not ${describe(options)}.`, '');
  }
  for (const [key, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(schema, key)) throw unknownOption(where, key, Object.keys(schema));
    const { expected, accepts } = schema[key as keyof T];
    if (value !== undefined && !accepts(value)) {
      throw new InvalidOptionsError(`${where}: ${key} must be ${expected}, not ${describe(value)}.`, key);
    }
  }
}

function unknownOption(where: string, key: string, known: readonly string[]): InvalidOptionsError {
  return new InvalidOptionsError(
    `${where}: there is no option '${key}'. Did you mean '${closest(key, known)}'? Known are: ${known.join(', ')}.`,
    key,
  );
}

function describe(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return `the function ${value.name}`;
  return value === null || typeof value !== 'object'
    ? String(value)
    : `an ${value.constructor?.name ?? 'object'}`;
}
