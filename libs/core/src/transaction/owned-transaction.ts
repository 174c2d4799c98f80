import {
  AfterCommitError,
  OutcomeUnknownError,
  TransactionError,
  UnexpectedRollbackError,
} from '../errors.js';
import { attempt } from './attempt.js';
import type { Boundary, RunIn } from './boundary.js';
import { trace, traceOf } from './diagnostics.js';
import type { HookPhase } from './hooks.js';
import { isRollbackOn } from './rollback-rules.js';
import { subjectOf, type TransactionLog } from './transaction-log.js';
import type { Outcome, Transaction } from './transaction.js';
import { failedStatement } from './transaction-scope.js';
import type { CommitAnswer } from './transactional-resource.js';

export interface OwnedParts {
  /** Runs inside the transaction. */
  readonly runInside: RunIn;
  /** Runs where the call was made, outside of the transaction: what comes after its end. */
  readonly runOutside: RunIn;
  readonly log: TransactionLog;
  /** Whether each transaction gets a line in the log. */
  readonly isLogging: boolean;
  /** Rejects when the time of the call is over; `undefined` without a limit. */
  readonly limit: Promise<never> | undefined;
  /** Whether the call is made again after `error`: then this try never happened, and no hook hears of it. */
  readonly willRetry: (error: unknown) => boolean;
  /** Called once it has ended and its connection is free. */
  readonly onEnd: () => void;
}

/** The call that began a transaction, and so decides how it ends. */
export class OwnedTransaction implements Boundary {
  readonly run: RunIn;

  constructor(
    readonly transaction: Transaction,
    private readonly parts: OwnedParts,
  ) {
    this.run = parts.runInside;
  }

  /** Does not wait for work whose time is over. */
  limited<T>(work: () => T | PromiseLike<T>): T | PromiseLike<T> {
    const { limit } = this.parts;
    return limit === undefined ? work() : Promise.race([work(), limit]);
  }

  /** Resolves only when the server said COMMIT; else throws what became of the data. */
  async complete(result: unknown): Promise<void> {
    if (this.#isUntouched && this.transaction.root.rollbackMark === undefined)
      return this.#endUntouched('committed');
    await this.#prepare();
    const { transaction } = this;
    transaction.close();
    const { outcome, failure } = await this.#sendCommit();
    await this.#end(outcome, failure);
    if (failure !== undefined) throw failure;
    await this.#afterCommit(result);
  }

  async fail(error: unknown): Promise<unknown> {
    // An interruption that comes only while ROLLBACK is under way is not what the call failed with.
    const failure = this.transaction.interruption ?? error;
    if (isRollbackOn(this.transaction.definition, error)) await this.#rollBack(failure);
    else await this.complete(undefined);
    return failure;
  }

  /** Nothing was sent, and nobody wants to hear of the end. */
  get #isUntouched(): boolean {
    const { hasResource, root } = this.transaction;
    return !hasResource && !root.hasHooks;
  }

  #endUntouched(outcome: Outcome): void {
    this.transaction.close();
    this.#closeBooks(outcome);
  }

  async #sendCommit(): Promise<{ outcome: Outcome; failure?: unknown }> {
    const { transaction } = this;
    try {
      const answer = await transaction.resource.commit();
      if (answer.outcome === 'committed') return answer;
      const interruption = answer.outcome === 'rolled-back' ? transaction.interruption : undefined;
      return {
        outcome: answer.outcome,
        failure: interruption ?? this.#reported(failureOf(transaction, answer)),
      };
    } catch (failure) {
      return { outcome: 'rolled-back', failure: transaction.interruption ?? failure };
    }
  }

  /** The last moment at which the transaction can still send statements, and be rolled back instead. */
  async #prepare(): Promise<void> {
    const { root, resource } = this.transaction;
    try {
      this.#assertCommittable();
      await this.run(() => this.limited(() => root.hooks.runStrictly('beforeCommit', 'committed')));
      await this.run(() => resource.announce('before-commit'));
      await this.run(() => this.limited(() => resource.prepare()));
      this.#assertCommittable();
    } catch (error) {
      await this.#rollBack(error);
      throw error;
    }
  }

  /** @throws what makes a commit impossible, as far as it is known without asking the server */
  #assertCommittable(): void {
    const { root, resource, interruption } = this.transaction;
    if (interruption !== undefined) throw interruption;
    const mark = root.rollbackMark ?? (resource.hasFailed ? failedStatement(root.firstFailure) : undefined);
    if (isUnknown(mark?.cause)) throw mark!.cause;
    if (mark !== undefined)
      throw this.#reported(new UnexpectedRollbackError(this.transaction.toString(), mark));
  }

  /** Undoes everything. A ROLLBACK that fails must not hide `because`: it is attached to it, and logged. */
  async #rollBack(because: unknown): Promise<void> {
    if (this.#isUntouched) return this.#endUntouched('rolled-back');
    const { transaction } = this;
    const { resource } = transaction;
    transaction.close();
    const failures = [
      await attempt(() => resource.announce('before-rollback')),
      await attempt(() => resource.rollback()),
    ];
    for (const rollbackFailure of failures.filter((failure) => failure !== undefined)) {
      if (because instanceof Error && Object.isExtensible(because))
        Object.assign(because, { rollbackFailure });
      this.parts.log.error('rolling back met a failure', subjectOf(transaction), rollbackFailure);
    }
    await this.#end(isUnknown(because) ? 'unknown' : 'rolled-back', because);
  }

  /** Everything that follows the end whatever it was; the connection is free before any hook runs. */
  async #end(outcome: Outcome, failure: unknown): Promise<void> {
    const { transaction, parts } = this;
    await transaction.resource.dispose();
    this.#closeBooks(outcome);
    if (outcome === 'rolled-back') {
      await this.#logFailures('after-rollback', () => transaction.resource.announce('after-rollback'));
      if (parts.willRetry(failure)) return;
      await this.#runLogged('afterRollback', outcome);
    }
    if (outcome !== 'committed') await this.#runLogged('afterCompletion', outcome);
  }

  #closeBooks(outcome: Outcome): void {
    const { transaction, parts } = this;
    transaction.moveTo({ kind: 'ended', outcome });
    transaction.deadline?.stop();
    parts.onEnd();
    if (outcome !== 'unknown') trace(outcome === 'committed' ? 'commit' : 'rollback', transaction);
    trace('end', transaction, { outcome });
    if (parts.isLogging) parts.log.info?.(summaryOf(transaction), subjectOf(transaction));
  }

  /** @throws AfterCommitError when a hook or a subscriber failed: the data is stored all the same */
  async #afterCommit(result: unknown): Promise<void> {
    const { transaction, parts } = this;
    const { hooks } = transaction.root;
    const subscriberFailure = await attempt(() => transaction.resource.announce('after-commit'));
    const failures = await parts.runOutside(() => hooks.runAll('afterCommit', 'committed'));
    await this.#runLogged('afterCompletion', 'committed');
    for (const { error } of failures)
      parts.log.error('an after-commit hook failed', subjectOf(transaction), error);
    const told = failures.filter(({ isRobust }) => !isRobust).map(({ error }) => error);
    if (subscriberFailure !== undefined) told.unshift(subscriberFailure);
    if (told.length > 0)
      throw transaction.identified(new AfterCommitError(transaction.toString(), told, result));
  }

  async #runLogged(phase: HookPhase, outcome: Outcome): Promise<void> {
    const failures = await this.parts.runOutside(() => this.transaction.root.hooks.runAll(phase, outcome));
    for (const { error } of failures) {
      this.parts.log.error(`a hook of ${phase} failed`, subjectOf(this.transaction), error);
    }
  }

  async #logFailures(what: string, work: () => Promise<unknown>): Promise<void> {
    const failure = await attempt(work);
    if (failure !== undefined) this.parts.log.error(`${what} failed`, subjectOf(this.transaction), failure);
  }

  #reported<E extends TransactionError>(error: E): E {
    this.parts.log.error(error.message, subjectOf(this.transaction), error.cause);
    return this.transaction.identified(error);
  }
}

/** User code ended the transaction in a way that leaves open what became of it. */
function isUnknown(error: unknown): boolean {
  return error instanceof TransactionError && error.outcome === 'unknown';
}

function failureOf(transaction: Transaction, answer: Exclude<CommitAnswer, { outcome: 'committed' }>) {
  const name = transaction.toString();
  return answer.outcome === 'unknown'
    ? new OutcomeUnknownError(name, answer.cause)
    : new UnexpectedRollbackError(name, answer);
}

/** e.g. `committed in 12.3 ms, 4 statements, attempt 1`. */
function summaryOf(transaction: Transaction): string {
  const { durationMs, statements, attempt: number } = traceOf(transaction);
  return `${transaction.outcome} in ${durationMs.toFixed(1)} ms, ${statements} statements, attempt ${number}`;
}
