import { describe, expect, it } from '@jest/globals';
import { InvalidOptionsError } from '../errors.js';
import { checkTransactionOptions } from './check-options.js';
import type { TransactionOptions } from './transaction-options.js';

describe('transaction options are accepted', () => {
  it.each([
    {},
    { propagation: 'NESTED' },
    { isolation: 'SERIALIZABLE', readOnly: true, deferrable: true },
    { rollbackFor: TypeError, noRollbackFor: [RangeError, SyntaxError] },
    { noRollbackFor: (error: unknown) => error === 42 },
    { dataSource: 'reports', label: 'month-end report' },
    { propagation: undefined, isolation: undefined, rollbackFor: undefined },
    { propagation: 'NESTED', isolation: undefined },
  ])('%p', (options) => {
    expect(() => check(options)).not.toThrow();
  });
});

describe('an unknown option is refused', () => {
  it.each([
    ['propogation', 'propagation'],
    ['isolationLevel', 'isolation'],
    ['readonly', 'readOnly'],
    ['noRollbackOn', 'noRollbackFor'],
    ['timeout', 'timeoutMs'],
    ['retries', 'retry'],
    ['datasource', 'dataSource'],
    ['Label', 'label'],
  ])('%s, and the nearest one named: %s', (wrong, right) => {
    const failure = failureOf({ [wrong]: 'anything' });

    expect(failure).toMatchObject({ code: 'INVALID_OPTIONS', option: wrong, outcome: 'not-started' });
    expect(failure.message).toContain(`@Transactional(): there is no option '${wrong}'`);
    expect(failure.message).toContain(`Did you mean '${right}'?`);
  });

  it.each(['toString', '__proto__', 'constructor'])('%s, which every object has', (key) => {
    const options = Object.defineProperty({}, key, { value: 1, enumerable: true });

    expect(failureOf(options)).toMatchObject({ option: key });
  });
});

describe('a value of the wrong kind is refused', () => {
  it.each<[string, unknown, string]>([
    ['propagation', 'REQUIRE', "not 'REQUIRE'"],
    ['propagation', 'required', "one of 'REQUIRED', 'REQUIRES_NEW'"],
    ['propagation', 1, 'not 1'],
    ['isolation', 'SNAPSHOT', "'REPEATABLE READ', 'SERIALIZABLE'"],
    ['isolation', 'serializable', "not 'serializable'"],
    ['isolation', null, 'not null'],
    ['readOnly', 'yes', 'must be true or false'],
    ['readOnly', 0, 'not 0'],
    ['deferrable', {}, 'must be true or false'],
    ['rollbackFor', 'Error', 'an error class'],
    ['noRollbackFor', [TypeError, 'Error'], 'an error class'],
    ['timeoutMs', 0, 'milliseconds above 0'],
    ['timeoutMs', Infinity, 'milliseconds above 0'],
    ['timeoutMs', '1s', "not '1s'"],
    ['dataSource', '', 'a non-empty string'],
    ['label', Symbol('label'), 'a non-empty string'],
    ['label', () => 'late', 'a non-empty string'],
    ['dataSource', Object.create(null), 'a non-empty string'],
  ])('%s: %p', (option, value, words) => {
    const failure = failureOf({ [option]: value });

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option });
    expect(failure.message).toContain(words);
  });

  it.each([null, 'SERIALIZABLE', 5, [], () => ({})])('the options themselves: %p', (options) => {
    expect(failureOf(options).message).toContain('takes an object of options');
  });
});

describe('an option that the propagation could only ignore is refused', () => {
  it.each<[TransactionOptions['propagation'], TransactionOptions]>([
    ['NESTED', { isolation: 'SERIALIZABLE' }],
    ['NESTED', { deferrable: true }],
    ['NESTED', { retry: 3 }],
    ['MANDATORY', { retry: 3 }],
    ['SUPPORTS', { retry: 3 }],
    ['NOT_SUPPORTED', { isolation: 'SERIALIZABLE' }],
    ['NOT_SUPPORTED', { timeoutMs: 1000 }],
    ['NEVER', { readOnly: true }],
    ['NEVER', { retry: { maxRetries: 1 } }],
  ])('%s with %p', (propagation, option) => {
    const [name] = Object.keys(option);
    const failure = failureOf({ propagation, ...option });

    expect(failure).toMatchObject({ option: name });
    expect(failure.message).toContain(`${name} means nothing with ${propagation}`);
  });

  it.each([
    { propagation: 'NESTED', deferrable: false, retry: false },
    { propagation: 'NEVER', readOnly: false },
  ])('but not one that asks for nothing: %p', (options) => {
    expect(() => check(options)).not.toThrow();
  });
});

describe('a retry is refused', () => {
  it.each<[string, unknown, string]>([
    ['retry', -1, 'a number of retries'],
    ['retry', 1.5, 'a number of retries'],
    ['retry', true, 'a number of retries'],
    ['retry', NaN, 'a number of retries'],
    ['maxRetry', { maxRetry: 3 }, "Did you mean 'maxRetries'?"],
    ['maxRetries', { maxRetries: '3' }, 'a whole number'],
    ['delayMs', { delayMs: -1 }, 'milliseconds'],
    ['multiplier', { multiplier: 0.5 }, '1 or more'],
    ['on', { on: TypeError.name }, 'a function'],
  ])('%s: %p', (option, retry, words) => {
    const failure = failureOf({ retry });

    expect(failure).toMatchObject({ option });
    expect(failure.message).toContain(words);
  });
});

function check(options: unknown): void {
  checkTransactionOptions('@Transactional()', options);
}

function failureOf(options: unknown): Error {
  try {
    check(options);
  } catch (error) {
    return error as Error;
  }
  throw new Error('The options were accepted.');
}
