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
      const error = transaction.identified(
        new TransactionTimeoutError(transaction.toString(), deadline.timeoutMs),
      );
      transaction.interrupt(error);
      reject(error);
    });
  });
}
