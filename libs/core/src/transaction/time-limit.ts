import { TransactionTimeoutError } from '../errors.js';
import type { Deadline } from './deadline.js';
import type { Transaction } from './transaction.js';

/**
 * Interrupts `transaction` when the time of `deadline` is over, and rejects then, so that nobody waits for a call that
 * cannot succeed any more.
 */
export function timeLimit(transaction: Transaction, deadline: Deadline): Promise<never> {
  return new Promise((_, reject) => {
    deadline.listen(() => {
      const error = new TransactionTimeoutError(transaction.toString(), deadline.timeoutMs);
      if (transaction.requestId !== undefined) error.requestId = transaction.requestId;
      transaction.interrupt(error);
      reject(error);
    });
  });
}
