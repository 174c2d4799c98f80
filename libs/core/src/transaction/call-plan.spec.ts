import { describe, expect, it } from '@jest/globals';
import { endedTransaction, idleTransaction } from '../../../../test/support/idle-transaction.js';
import { IncompatibleOptionsError, PropagationError, TransactionEndedError } from '../errors.js';
import type { Deadline } from './deadline.js';
import { planCall, Suspension, type Level } from './call-plan.js';
import { Propagation } from './propagation.js';
import { defineTransaction, type TransactionOptions } from './transaction-options.js';

const plan = (options: TransactionOptions, level: Level, defaults: TransactionOptions = {}): string =>
  planCall(defineTransaction('Billing.charge', options, defaults), level);

const ALL = Object.values(Propagation);
const JOINING = ['REQUIRED', 'MANDATORY', 'SUPPORTS'] as const;
const DEMANDING = ['REQUIRED', 'MANDATORY', 'NESTED'] as const;

describe('a call without a surrounding transaction', () => {
  it.each<[string, Level]>([
    ['none', undefined],
    ['suspended', new Suspension(idleTransaction().root)],
    ['of no transaction at all', new Suspension(undefined)],
  ])('is refused only when it is MANDATORY (level: %s)', (_name, level) => {
    expect(() => plan({ propagation: 'MANDATORY' }, level)).toThrow(PropagationError);
    for (const propagation of ALL.filter((each) => each !== 'MANDATORY')) {
      expect(['begin', 'bare']).toContain(plan({ propagation }, level));
    }
  });

  it('may ask for anything', () => {
    expect(plan({ isolation: 'SERIALIZABLE', readOnly: true, deferrable: true }, undefined)).toBe('begin');
  });
});

describe('a call inside an open transaction', () => {
  const level = idleTransaction().root;

  it.each([
    ['REQUIRED', 'join'],
    ['MANDATORY', 'join'],
    ['SUPPORTS', 'join'],
    ['NESTED', 'savepoint'],
    ['REQUIRES_NEW', 'begin'],
    ['NOT_SUPPORTED', 'suspend'],
  ] as const)('%s: %s', (propagation, expected) => {
    expect(plan({ propagation }, level)).toBe(expected);
  });

  it('is refused when it is NEVER, with the mode as a fact', () => {
    const failure = failureOf(() => plan({ propagation: 'NEVER' }, level));

    expect(failure).toBeInstanceOf(PropagationError);
    expect(failure).toMatchObject({ code: 'PROPAGATION', propagation: 'NEVER', outcome: 'not-started' });
    expect(failure.message).toContain('Billing.charge');
  });
});

describe('a call inside a transaction that has ended', () => {
  const level = endedTransaction('committed').root;

  it.each(['REQUIRED', 'MANDATORY', 'SUPPORTS', 'NESTED', 'NEVER'] as const)(
    'is refused when it is %s: it would join, or run beside, what is gone',
    (propagation) => {
      const failure = failureOf(() => plan({ propagation }, level));

      expect(failure).toBeInstanceOf(TransactionEndedError);
      expect(failure).toMatchObject({ transaction: 'tx-1 (Orders.place)', outcome: 'committed' });
      expect(failure.message).toContain('Billing.charge');
    },
  );

  it.each(['REQUIRES_NEW', 'NOT_SUPPORTED'] as const)('may be %s: it stands apart', (propagation) => {
    expect(plan({ propagation }, level)).not.toBe('refuse');
  });

  it('is told the request and the first failure', () => {
    const transaction = idleTransaction({}, { requestId: 'req-1' });
    const first = new Error('duplicate key');
    transaction.root.noteFailure(first);
    transaction.moveTo({ kind: 'ending' });

    const failure = failureOf(() => plan({}, transaction.root));

    expect(failure).toMatchObject({ requestId: 'req-1', cause: first, outcome: 'unknown' });
  });
});

describe('a call that would join but asks for something else', () => {
  it.each(DEMANDING.filter((each) => each !== 'NESTED'))(
    'is refused: %s, another isolation',
    (propagation) => {
      const { root } = idleTransaction({ isolation: 'REPEATABLE READ' });
      const failure = failureOf(() => plan({ propagation, isolation: 'SERIALIZABLE' }, root));

      expect(failure).toBeInstanceOf(IncompatibleOptionsError);
      expect(failure).toMatchObject({
        option: 'isolation',
        requested: 'SERIALIZABLE',
        current: 'REPEATABLE READ',
        outcome: 'not-started',
      });
    },
  );

  it.each(DEMANDING)('is refused: %s, to write in a read-only transaction', (propagation) => {
    const { root } = idleTransaction({ readOnly: true });

    expect(failureOf(() => plan({ propagation }, root))).toMatchObject({ option: 'readOnly', current: true });
  });

  it('is refused: deferrable in one that is not', () => {
    const { root } = idleTransaction({ isolation: 'SERIALIZABLE', readOnly: true });
    const asked = { isolation: 'SERIALIZABLE', readOnly: true, deferrable: true } as const;

    expect(failureOf(() => plan(asked, root))).toMatchObject({ option: 'deferrable' });
  });

  it.each([3, { maxRetries: 3 }])(
    'is refused: a retry of its own (%p): joining cannot be tried again',
    (retry) => {
      const failure = failureOf(() => plan({ retry }, idleTransaction().root));

      expect(failure).toBeInstanceOf(IncompatibleOptionsError);
      expect(failure).toMatchObject({ option: 'retry' });
    },
  );

  it('is refused: more time than is left', () => {
    const { root } = idleTransaction({}, { deadline: { remainingMs: 99.6 } as Deadline });

    expect(failureOf(() => plan({ timeoutMs: 100 }, root))).toMatchObject({
      option: 'timeoutMs',
      requested: 100,
      current: 100,
    });
    expect(plan({ timeoutMs: 99 }, root)).toBe('join');
  });

  it('is refused: READ COMMITTED by name, in one of a higher level', () => {
    const { root } = idleTransaction({ isolation: 'SERIALIZABLE' });

    expect(() => plan({ isolation: 'READ COMMITTED' }, root)).toThrow(IncompatibleOptionsError);
  });
});

describe('a call that joins without a conflict', () => {
  it.each(JOINING)('%s, the same isolation', (propagation) => {
    const { root } = idleTransaction({ isolation: 'SERIALIZABLE' });

    expect(plan({ propagation, isolation: 'SERIALIZABLE' }, root)).toBe('join');
    expect(plan({ propagation }, root)).toBe('join');
  });

  it('is not held to the defaults of the module: only what it asks itself can conflict', () => {
    const defaults = { isolation: 'SERIALIZABLE', timeoutMs: 1000, retry: 3 } as const;

    expect(plan({}, idleTransaction().root, defaults)).toBe('join');
    expect(plan({ retry: false }, idleTransaction().root, defaults)).toBe('join');
  });

  it('may only read, in a transaction that writes', () => {
    expect(plan({ readOnly: true }, idleTransaction().root)).toBe('join');
  });

  it('makes no demand when it is SUPPORTS: it would run without a transaction, too', () => {
    const { root } = idleTransaction({ readOnly: true });

    expect(plan({ propagation: 'SUPPORTS', isolation: 'SERIALIZABLE' }, root)).toBe('join');
  });

  it('may ask for anything when it separates itself', () => {
    const { root } = idleTransaction({ readOnly: true });

    expect(plan({ propagation: 'REQUIRES_NEW', isolation: 'SERIALIZABLE' }, root)).toBe('begin');
  });
});

function failureOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was not refused.');
}
