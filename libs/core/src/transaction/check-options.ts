import { closest } from 'fastest-levenshtein';
import { InvalidOptionsError } from '../errors.js';
import { Propagation } from './propagation.js';
import type { TransactionOptions } from './transaction-options.js';

/** What a value must be, in words that complete "must be …". */
export interface Expectation {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

export type Schema<T> = { readonly [K in keyof Required<T>]: Expectation };

export const aString: Expectation = {
  expected: 'a non-empty string',
  accepts: (value) => typeof value === 'string' && value.length > 0,
};

export const aBoolean: Expectation = {
  expected: 'true or false',
  accepts: (value) => typeof value === 'boolean',
};

export function oneOf(...values: readonly string[]): Expectation {
  return {
    expected: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
    accepts: (value) => typeof value === 'string' && values.includes(value),
  };
}

export function anObject(expected: string, ...methods: readonly string[]): Expectation {
  return {
    expected,
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
  };
}

export function listOf(item: Expectation): Expectation {
  return {
    expected: `an array, each item ${item.expected}`,
    accepts: (value) => Array.isArray(value) && value.every((each) => item.accepts(each)),
  };
}

const anErrorSelector: Expectation = {
  expected: 'an error class, an array of error classes, or a predicate',
  accepts: (value) => [value].flat().every((each) => typeof each === 'function'),
};

const TRANSACTION_OPTIONS: Schema<TransactionOptions> = {
  propagation: oneOf(...Object.values(Propagation)),
  isolation: oneOf('READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
  readOnly: aBoolean,
  deferrable: aBoolean,
  rollbackFor: anErrorSelector,
  noRollbackFor: anErrorSelector,
  dataSource: aString,
  label: aString,
};

/** @throws InvalidOptionsError when `options` has an unknown key (naming the nearest one) or an ill-typed value. */
export function checkTransactionOptions(
  where: string,
  options: unknown,
): asserts options is TransactionOptions {
  checkOptions(where, options, TRANSACTION_OPTIONS);
  if (options.propagation === 'NESTED' && (options.isolation ?? options.deferrable) !== undefined) {
    throw new InvalidOptionsError(
      `${where}: NESTED is a savepoint in the surrounding transaction and has no isolation level of its own. ` +
        `Remove isolation and deferrable, or use REQUIRES_NEW.`,
      'isolation',
    );
  }
}

/** @throws InvalidOptionsError when `options` does not fit `schema`. */
export function checkOptions<T extends object>(
  where: string,
  options: unknown,
  schema: Schema<T>,
): asserts options is T {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidOptionsError(`${where} takes an object of options, not ${describe(options)}.`, '');
  }
  for (const [key, value] of Object.entries(options)) {
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
  return value === null || typeof value !== 'object' ? String(value) : `an ${value.constructor.name}`;
}
