import { describe, expect, it } from '@jest/globals';
import {
  AfterCommitError,
  OutcomeUnknownError,
  RetriesExhaustedError,
  OptimisticLockError,
} from '../errors.js';
import {
  isWorthRetrying,
  pauseBefore,
  retryPolicyOf,
  sqlStateOf,
  type RetryOptions,
} from './retry-policy.js';

/** An error as PostgreSQL's driver reports it. */
function serverError(code: string): Error {
  return Object.assign(new Error(code), { code, severity: 'ERROR' });
}

function conflict(isPrecondition: boolean): OptimisticLockError {
  const facts = { entity: 'Order', id: 1, expected: 1, what: 'save()', isPrecondition };
  return new OptimisticLockError(facts, () => Promise.resolve(null));
}

const policyOf = (retry: number | RetryOptions = 3) => retryPolicyOf(retry)!;

describe('the retry option means', () => {
  it.each([undefined, false, 0, { maxRetries: 0 }] as const)('no retry: %p', (retry) => {
    expect(retryPolicyOf(retry)).toBeUndefined();
  });

  it('that number of retries, with pauses by default', () => {
    expect(retryPolicyOf(5)).toEqual({
      maxRetries: 5,
      delayMs: 20,
      maxDelayMs: 1000,
      multiplier: 2,
      jitter: true,
      lockConflictingRow: true,
    });
  });

  it.each([{}, { maxRetries: undefined, delayMs: undefined, jitter: undefined } as unknown as RetryOptions])(
    'the defaults, for what is left out: %p',
    (retry) => {
      expect(retryPolicyOf(retry)).toMatchObject({ maxRetries: 3, delayMs: 20, jitter: true });
    },
  );
});

describe('the pause before a retry', () => {
  it('grows by the multiplier, up to the longest', () => {
    const policy = policyOf({ delayMs: 10, multiplier: 3, maxDelayMs: 100, jitter: false });
    const pauses = [1, 2, 3, 4].map((retry) => pauseBefore(retry, policy, Math.random));

    expect(pauses).toEqual([10, 30, 90, 100]);
  });

  it('is drawn between nothing and that, with jitter', () => {
    const policy = policyOf({ delayMs: 10 });
    const chances = [0, 0.5, 0.99];

    expect(chances.map((chance) => pauseBefore(2, policy, () => chance))).toEqual([0, 10, 19.8]);
  });

  it('is still the longest one after a thousand retries', () => {
    expect(pauseBefore(5000, policyOf({ jitter: false }), Math.random)).toBe(1000);
  });
});

describe('is tried again', () => {
  it.each(['40001', '40P01'])('%s, as it comes', (code) => {
    expect(isWorthRetrying(serverError(code), undefined, policyOf())).toBe(true);
  });

  it('one that others wrap, as cause or as driver error', () => {
    const wrapped = new Error('saving failed', { cause: serverError('40001') });
    const byTypeOrm = Object.assign(new Error('query failed'), { driverError: serverError('40P01') });

    expect(isWorthRetrying(wrapped, undefined, policyOf())).toBe(true);
    expect(isWorthRetrying(new Error('twice', { cause: wrapped }), undefined, policyOf())).toBe(true);
    expect(isWorthRetrying(byTypeOrm, undefined, policyOf())).toBe(true);
  });

  it('one that was the first failure, whatever came of it', () => {
    const first = serverError('40001');

    expect(isWorthRetrying(serverError('25P02'), first, policyOf())).toBe(true);
    expect(isWorthRetrying(new Error('of the application'), first, policyOf())).toBe(true);
    expect(isWorthRetrying('not even an error', first, policyOf())).toBe(true);
  });

  it('an optimistic conflict that may be tried again, and no other', () => {
    expect(isWorthRetrying(conflict(false), undefined, policyOf())).toBe(true);
    expect(
      isWorthRetrying(new Error('of the application', { cause: conflict(false) }), undefined, policyOf()),
    ).toBe(true);
    expect(isWorthRetrying(conflict(true), undefined, policyOf())).toBe(false);
  });

  it('what `on` says', () => {
    const policy = policyOf({ on: (error) => error instanceof RangeError });

    expect(isWorthRetrying(new RangeError(), undefined, policy)).toBe(true);
    expect(isWorthRetrying(new TypeError(), undefined, policy)).toBe(false);
    expect(isWorthRetrying(serverError('40001'), undefined, policy)).toBe(true);
  });
});

describe('is not tried again', () => {
  it.each(['23505', '25P02', '40003', '57014', '08006'])('%s', (code) => {
    expect(isWorthRetrying(serverError(code), undefined, policyOf())).toBe(false);
  });

  it('what failed first for another reason', () => {
    expect(isWorthRetrying(serverError('40001'), serverError('23505'), policyOf())).toBe(false);
  });

  it.each<[string, Error]>([
    ['unknown', new OutcomeUnknownError('tx-1', serverError('40001'))],
    ['committed', new AfterCommitError('tx-1', [serverError('40001')], undefined)],
  ])('what may be stored already (%s), whatever its cause and whatever `on` says', (_outcome, error) => {
    expect(isWorthRetrying(error, serverError('40001'), policyOf({ on: () => true }))).toBe(false);
  });

  it('an error of the application', () => {
    expect(isWorthRetrying(new Error('no'), undefined, policyOf())).toBe(false);
    expect(isWorthRetrying(undefined, undefined, policyOf())).toBe(false);
  });

  it('a code that is no SQLSTATE', () => {
    expect(isWorthRetrying(Object.assign(new Error(), { code: '40001' }), undefined, policyOf())).toBe(false);
  });
});

describe('the SQLSTATE of an error', () => {
  it('is the innermost one: the others follow from it', () => {
    const error = Object.assign(serverError('25P02'), { cause: serverError('40001') });

    expect(sqlStateOf(error)).toBe('40001');
    expect(sqlStateOf(new RetriesExhaustedError('tx-1', 3, error))).toBe('40001');
  });

  it('is found in causes that go round in a circle', () => {
    const [one, other] = [new Error('one'), serverError('40001')];
    Object.assign(one, { cause: other });
    Object.assign(other, { cause: one });

    expect(sqlStateOf(one)).toBe('40001');
  });
});
