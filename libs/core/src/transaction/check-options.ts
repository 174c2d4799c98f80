import { closest } from 'fastest-levenshtein';
import { InvalidOptionsError } from '../errors.js';
import { Propagation } from './propagation.js';
import { retryPolicyOf, type RetryOptions } from './retry-policy.js';
import { meaninglessWith, type TransactionOptions } from './transaction-options.js';

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

export const aDuration: Expectation = {
  expected: 'a number of milliseconds above 0 (at most 2147483647)',
  accepts: (value) => typeof value === 'number' && value > 0 && value <= 2 ** 31 - 1,
};

export const aCount: Expectation = {
  expected: 'a whole number, 0 or more',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};

export const aFunction: Expectation = {
  expected: 'a function',
  accepts: (value) => typeof value === 'function',
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

export function anObject(expected: string, ...methods: readonly string[]): Expectation {
  return {
    expected,
    accepts: (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
  };
}

/** @param least - how many items there must be */
export function listOf(item: Expectation, least = 1): Expectation {
  return {
    expected: `an array${least === 0 ? '' : ` of at least ${least} item(s)`}, each item ${item.expected}`,
    accepts: (value) =>
      Array.isArray(value) && value.length >= least && value.every((each) => item.accepts(each)),
  };
}

const anErrorSelector: Expectation = {
  expected: 'an error class, an array of error classes, or a predicate',
  accepts: (value) => [value].flat().every((each) => typeof each === 'function'),
};

const RETRY_OPTIONS: Schema<RetryOptions> = {
  maxRetries: aCount,
  delayMs: {
    expected: 'a number of milliseconds, 0 or more',
    accepts: (value) => Number.isFinite(value) && (value as number) >= 0,
  },
  maxDelayMs: aDuration,
  multiplier: {
    expected: 'a number, 1 or more',
    accepts: (value) => Number.isFinite(value) && (value as number) >= 1,
  },
  jitter: aBoolean,
  lockConflictingRow: aBoolean,
  on: aFunction,
};

const aRetry: Expectation = {
  expected: 'a number of retries (0 or more), false, or an object such as { maxRetries: 3 }',
  accepts: (value) =>
    value === false ||
    aCount.accepts(value) ||
    (typeof value === 'object' && value !== null && !Array.isArray(value)),
};

const TRANSACTION_OPTIONS: Schema<TransactionOptions> = {
  propagation: oneOf(...Object.values(Propagation)),
  isolation: oneOf('READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
  readOnly: aBoolean,
  deferrable: aBoolean,
  timeoutMs: aDuration,
  retry: aRetry,
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
  if (typeof options.retry === 'object') checkOptions(`${where} retry`, options.retry, RETRY_OPTIONS);
  const conflict = meaninglessWith(options.propagation).find((name) => isAskedFor(name, options));
  if (conflict === undefined) return;
  throw new InvalidOptionsError(
    `${where}: ${conflict} means nothing with ${options.propagation}, which ${BECAUSE[options.propagation!]}. Remove it, ` +
      `or use REQUIRED or REQUIRES_NEW.`,
    conflict,
  );
}

/** `false`, and no retries, ask for nothing. */
function isAskedFor(name: keyof TransactionOptions, options: TransactionOptions): boolean {
  return name === 'retry' ? retryPolicyOf(options.retry) !== undefined : (options[name] ?? false) !== false;
}

const BECAUSE: Partial<Record<Propagation, string>> = {
  NESTED: 'is a savepoint in the surrounding transaction',
  MANDATORY: 'never begins a transaction',
  SUPPORTS: 'never begins a transaction',
  NOT_SUPPORTED: 'runs without a transaction',
  NEVER: 'runs without a transaction',
};

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
  return value === null || typeof value !== 'object'
    ? String(value)
    : `an ${value.constructor?.name ?? 'object'}`;
}
