import { RequestAbortedError } from '../errors.js';
import type { Transaction } from './transaction.js';

/**
 * Interrupts `transaction` when `signal` aborts, and rejects then: who asked for the work is gone, so nobody waits for it.
 * `leave` stops listening.
 */
export function abortLimit(
  transaction: Transaction,
  signal: AbortSignal,
): { readonly limit: Promise<never>; readonly leave: () => void } {
  let abort!: () => void;
  const limit = new Promise<never>((_, reject) => {
    abort = () => {
      const error = transaction.identified(new RequestAbortedError(transaction.toString(), signal.reason));
      transaction.interrupt(error);
      reject(error);
    };
  });
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return { limit, leave: () => signal.removeEventListener('abort', abort) };
}
