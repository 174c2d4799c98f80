import { channel } from 'node:diagnostics_channel';
import type { Transaction } from './transaction.js';

/**
 * The moments of a transaction, for tracing and metrics; publishing costs nothing while nobody listens. Subscribe to
 * `nest-transactional.begin`, `.savepoint`, `.commit`, `.rollback`, `.retry` and `.end`.
 *
 * @see https://nodejs.org/docs/latest-v20.x/api/diagnostics_channel.html
 * @example
 * ```ts
 * subscribe('nest-transactional.end', (message) => {
 *   const { label, durationMs, statements, outcome } = message as TransactionTrace;
 * });
 * ```
 */
export interface TransactionTrace {
  readonly id: string;
  readonly label: string;
  readonly requestId: string | undefined;
  /** 1 at the first try. */
  readonly attempt: number;
  /** Statements of the user so far; BEGIN, COMMIT and savepoints do not count. */
  readonly statements: number;
  /** Since the transaction was opened, in milliseconds. */
  readonly durationMs: number;
  /** Only in `.end`. */
  readonly outcome?: 'committed' | 'rolled-back' | 'unknown';
  /** Only in `.retry`: what failed. */
  readonly error?: unknown;
}

const CHANNELS = {
  begin: channel('nest-transactional.begin'),
  savepoint: channel('nest-transactional.savepoint'),
  commit: channel('nest-transactional.commit'),
  rollback: channel('nest-transactional.rollback'),
  retry: channel('nest-transactional.retry'),
  end: channel('nest-transactional.end'),
};

export function trace(
  moment: keyof typeof CHANNELS,
  transaction: Transaction,
  more?: Partial<TransactionTrace>,
): void {
  const { [moment]: listened } = CHANNELS;
  if (listened.hasSubscribers) listened.publish({ ...traceOf(transaction), ...more });
}

export function traceOf(transaction: Transaction): TransactionTrace {
  return {
    id: transaction.id,
    label: transaction.definition.label,
    requestId: transaction.requestId,
    attempt: transaction.attempt,
    statements: transaction.statements,
    durationMs: transaction.ageMs,
  };
}
