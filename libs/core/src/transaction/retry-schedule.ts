import { RetriesExhaustedError, TransactionTimeoutError } from '../errors.js';
import type { Deadline } from './deadline.js';
import { trace } from './diagnostics.js';
import { conflictIn, isWorthRetrying, pauseBefore } from './retry-policy.js';
import { hasOneSnapshot } from './transaction-options.js';
import type { Transaction } from './transaction.js';

/** What follows a failed try: another one after a pause, or the error that the caller gets. */
type Verdict = { readonly pauseMs: number } | { readonly error: unknown };

/** Decides after each try of one call whether there is another. */
export class RetrySchedule {
  readonly #conflicts: unknown[] = [];
  /** Each try's, because chance has a part in it and two ask. */
  readonly #verdicts = new WeakMap<Transaction, Verdict>();

  constructor(
    private readonly deadline: Deadline | undefined,
    private readonly random: () => number,
  ) {}

  /** What the tries so far failed with, for the next one to keep clear of; nothing where that is switched off. */
  get conflicts(): readonly unknown[] {
    return this.#conflicts;
  }

  willRetry(transaction: Transaction, error: unknown): boolean {
    return 'pauseMs' in this.#verdictOn(transaction, error);
  }

  /**
   * How long to wait before the next try, in milliseconds.
   *
   * @throws the error for the caller to see, when there is no next try
   */
  pauseAfter(transaction: Transaction, error: unknown): number {
    const verdict = this.#verdictOn(transaction, error);
    if ('error' in verdict) throw verdict.error;
    if (transaction.definition.retry!.lockConflictingRow) this.#conflicts.push(error);
    trace('retry', transaction, { error });
    return verdict.pauseMs;
  }

  #verdictOn(transaction: Transaction, error: unknown): Verdict {
    const verdict = this.#verdicts.get(transaction) ?? this.#decide(transaction, error);
    this.#verdicts.set(transaction, verdict);
    return verdict;
  }

  /**
   * The next try begins by waiting for the row in the server's own queue: nothing is won by waiting before. A transaction with
   * one snapshot for all its statements would find the row changed when its turn comes.
   */
  #queuesForRow({ definition }: Transaction, error: unknown): boolean {
    const { lockConflictingRow } = definition.retry!;
    return lockConflictingRow && !hasOneSnapshot(definition) && conflictIn(error) !== undefined;
  }

  #decide(transaction: Transaction, error: unknown): Verdict {
    const { deadline } = this;
    const { attempt, root, definition } = transaction;
    const policy = definition.retry;
    // A provisional transaction that no call wanted to be retried.
    if (policy === undefined) return { error };
    // Whoever reads a stream has seen what the first try had to say.
    if (transaction.isStreaming || !isWorthRetrying(error, root.firstFailure, policy)) return { error };
    const name = transaction.toString();
    if (attempt > policy.maxRetries) {
      return { error: transaction.identified(new RetriesExhaustedError(name, attempt, error)) };
    }
    const pauseMs = this.#queuesForRow(transaction, error) ? 0 : pauseBefore(attempt, policy, this.random);
    if (deadline === undefined || deadline.remainingMs > pauseMs) return { pauseMs };
    return { error: transaction.identified(new TransactionTimeoutError(name, deadline.timeoutMs, error)) };
  }
}
