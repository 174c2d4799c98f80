import { describe, expect, it } from '@jest/globals';
import { endedTransaction, idleTransaction } from '../../../../test/support/idle-transaction.js';
import { type Transaction, type TransactionState } from './transaction.js';
import { TransactionScope } from './transaction-scope.js';

const STATES: TransactionState[] = [
  { kind: 'idle' },
  { kind: 'active' },
  { kind: 'ending' },
  { kind: 'ended', outcome: 'committed' },
];

const LEGAL = ['idle → active', 'idle → ending', 'active → ending', 'ending → ended'];

const WAYS: Record<TransactionState['kind'], TransactionState[]> = {
  idle: [],
  active: [{ kind: 'active' }],
  ending: [{ kind: 'active' }, { kind: 'ending' }],
  ended: [{ kind: 'ending' }, { kind: 'ended', outcome: 'rolled-back' }],
};

const CASES = STATES.flatMap((from) =>
  STATES.map((to) => ({ from: from.kind, to, name: `${from.kind} → ${to.kind}` })),
);

describe('a transaction', () => {
  it.each(CASES.filter(({ name }) => LEGAL.includes(name)))('may go: $name', ({ from, to }) => {
    const transaction = transactionIn(from);
    transaction.moveTo(to);

    expect(transaction.state).toBe(to);
  });

  it.each(CASES.filter(({ name }) => !LEGAL.includes(name)))('may not go: $name', ({ from, to }) => {
    const transaction = transactionIn(from);
    const before = transaction.state;

    expect(() => transaction.moveTo(to)).toThrow(`cannot go from ${from} to ${to.kind}`);
    expect(transaction.state).toBe(before);
  });

  it.each([
    ['idle', true, false],
    ['active', true, true],
    ['ending', false, true],
    ['ended', false, false],
  ] as const)('%s: takes statements %p, has begun %p', (kind, isOpen, hasBegun) => {
    const transaction = transactionIn(kind);

    expect(transaction.isOpen).toBe(isOpen);
    expect(transaction.root.isOpen).toBe(isOpen);
    expect(transaction.hasBegun).toBe(hasBegun);
  });

  it.each(['committed', 'rolled-back', 'unknown'] as const)('tells how it ended: %s', (outcome) => {
    expect(endedTransaction(outcome).outcome).toBe(outcome);
  });

  it.each(['idle', 'active'] as const)('counts as rolled back while it is %s', (kind) => {
    expect(transactionIn(kind).outcome).toBe('rolled-back');
  });

  it('has an outcome that nobody knows while it is ending', () => {
    expect(transactionIn('ending').outcome).toBe('unknown');
  });

  it('is named by its id and its label', () => {
    expect(String(idleTransaction())).toBe('tx-1 (Orders.place)');
    expect(String(idleTransaction({ label: 'checkout' }))).toBe('tx-1 (checkout)');
  });
});

describe('a scope', () => {
  it('has depth 1 in the transaction itself and one more in each savepoint', () => {
    const { outer, inner } = savepoints();

    expect([outer.parent!.depth, outer.depth, inner.depth]).toEqual([1, 2, 3]);
  });

  it('shows what its transaction is', () => {
    const transaction = idleTransaction(
      { isolation: 'SERIALIZABLE', readOnly: true },
      { requestId: 'req-1' },
    );
    const scope = new TransactionScope(transaction, transaction.root);

    expect(scope).toMatchObject({
      id: 'tx-1',
      label: 'Orders.place',
      requestId: 'req-1',
      isolation: 'SERIALIZABLE',
      readOnly: true,
      isRollbackOnly: false,
    });
  });

  it('is closed with its own end, its parent stays open', () => {
    const { outer, inner } = savepoints();
    inner.end();

    expect([inner.isOpen, outer.isOpen]).toEqual([false, true]);
  });

  it("is closed with its parent's end, and with the transaction's", () => {
    const { outer, inner } = savepoints();
    outer.end();
    expect(inner.isOpen).toBe(false);

    const other = savepoints();
    other.transaction.moveTo({ kind: 'ending' });
    expect([other.outer.isOpen, other.inner.isOpen]).toEqual([false, false]);
  });

  it('is rolled back alone when it is marked', () => {
    const { transaction, outer, inner } = savepoints();
    inner.setRollbackOnly();

    expect([transaction.root, outer, inner].map((scope) => scope.isRollbackOnly)).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('keeps its first mark', () => {
    const { root } = idleTransaction();
    const first = new Error('out of stock');
    root.markRollbackOnly('it failed', first);
    root.markRollbackOnly('it failed again', new Error('later'));
    root.setRollbackOnly();

    expect(root.rollbackMark).toEqual({ reason: 'it failed', cause: first });
  });

  it('keeps the first failure, of its own or of what surrounds it', () => {
    const { outer, inner } = savepoints();
    const first = new Error('23505');
    outer.noteFailure(first);
    outer.noteFailure(new Error('25P02'));

    expect(outer.firstFailure).toBe(first);
    expect(inner.firstFailure).toBe(first);
    expect(outer.parent!.firstFailure).toBeUndefined();
  });
});

function transactionIn(kind: TransactionState['kind']): Transaction {
  const transaction = idleTransaction();
  WAYS[kind].forEach((state) => transaction.moveTo(state));
  return transaction;
}

function savepoints() {
  const transaction = idleTransaction();
  const outer = new TransactionScope(transaction, transaction.root);
  return { transaction, outer, inner: new TransactionScope(transaction, outer) };
}
