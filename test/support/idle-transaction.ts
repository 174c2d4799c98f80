import {
  defineTransaction,
  type TransactionOptions,
} from '../../libs/core/src/transaction/transaction-options.js';
import { Transaction } from '../../libs/core/src/transaction/transaction.js';
import type { TransactionalResource } from '../../libs/core/src/transaction/transactional-resource.js';

/** A transaction that was never asked to send anything, for specs of the pure core. */
export function idleTransaction(options: TransactionOptions = {}, requestId?: string): Transaction {
  const definition = defineTransaction('Orders.place', options);
  return new Transaction('tx-1', definition, requestId, () => ({}) as TransactionalResource);
}

export function endedTransaction(outcome: 'committed' | 'rolled-back' | 'unknown'): Transaction {
  const transaction = idleTransaction();
  transaction.moveTo({ kind: 'ending' });
  transaction.moveTo({ kind: 'ended', outcome });
  return transaction;
}
