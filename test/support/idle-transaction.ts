import { systemClock } from '../../libs/core/src/transaction/clock.js';
import {
  defineTransaction,
  type TransactionOptions,
} from '../../libs/core/src/transaction/transaction-options.js';
import { Transaction, type TransactionParts } from '../../libs/core/src/transaction/transaction.js';
import type { TransactionalResource } from '../../libs/core/src/transaction/transactional-resource.js';

/** A transaction that was never asked to send anything, for specs of the pure core. */
export function idleTransaction(
  options: TransactionOptions = {},
  parts: Partial<TransactionParts> = {},
): Transaction {
  const plain: TransactionParts = {
    id: 'tx-1',
    definition: defineTransaction('Orders.place', options),
    requestId: undefined,
    attempt: 1,
    conflicts: [],
    deadline: undefined,
    suspended: undefined,
    clock: systemClock,
  };
  return new Transaction({ ...plain, ...parts }, () => ({}) as TransactionalResource);
}

export function endedTransaction(outcome: 'committed' | 'rolled-back' | 'unknown'): Transaction {
  const transaction = idleTransaction();
  transaction.moveTo({ kind: 'ending' });
  transaction.moveTo({ kind: 'ended', outcome });
  return transaction;
}
