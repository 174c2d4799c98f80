import { messageOf, UnexpectedRollbackError } from '../errors.js';
import { attempt } from './attempt.js';
import { trace } from './diagnostics.js';
import { isRollbackOn } from './rollback-rules.js';
import type { TransactionDefinition } from './transaction-options.js';
import type { RollbackMark, TransactionScope } from './transaction-scope.js';

/** What a call opened, and how it is closed again: by exactly one of `complete` and `fail`. */
export interface Boundary {
  /** Runs `work`, or a further piece of it, inside. */
  run<R>(work: () => R): R;
  /** Keeps what was done; rejects when that is impossible. */
  complete(result: unknown): Promise<void>;
  /** Undoes what was done, as far as the rules say so; returns the error for the caller to see. */
  fail(error: unknown): Promise<unknown>;
}

/** How a boundary runs work with something new around it. */
export type RunIn = <R>(work: () => R) => R;

/** Runs without a transaction: there is nothing to keep or to undo. */
export class BareBoundary implements Boundary {
  constructor(readonly run: RunIn) {}

  complete(): Promise<void> {
    return Promise.resolve();
  }

  fail(error: unknown): Promise<unknown> {
    return Promise.resolve(error);
  }
}

/** A joined call neither commits nor rolls back; its failure leaves the transaction it joined with no way but back. */
export class JoinBoundary implements Boundary {
  constructor(
    private readonly scope: TransactionScope,
    private readonly definition: TransactionDefinition,
  ) {}

  run<R>(work: () => R): R {
    return work();
  }

  complete(): Promise<void> {
    return Promise.resolve();
  }

  fail(error: unknown): Promise<unknown> {
    markJoinFailed(this.scope, this.definition, error);
    return Promise.resolve(error);
  }
}

/** What is done about the rejection of a joined call's promise. */
export function joinFailure(
  scope: TransactionScope,
  definition: TransactionDefinition,
): (error: unknown) => never {
  return (error) => {
    markJoinFailed(scope, definition, error);
    throw error;
  };
}

function markJoinFailed(scope: TransactionScope, definition: TransactionDefinition, error: unknown): void {
  if (!isRollbackOn(definition, error)) return;
  scope.markRollbackOnly(`${definition.label} joined it and failed (${messageOf(error)})`, error);
}

/** A part of a transaction that is kept or undone by itself, behind a savepoint. */
export class SavepointBoundary implements Boundary {
  constructor(
    private readonly scope: TransactionScope,
    private readonly definition: TransactionDefinition,
    readonly run: RunIn,
  ) {
    trace('savepoint', scope.transaction);
  }

  async complete(): Promise<void> {
    const { scope } = this;
    const mark = scope.rollbackMark;
    if (mark !== undefined) {
      await this.#undo(mark.cause);
      throw this.#unexpectedRollback(mark);
    }
    const failure = await attempt(() => this.#leave('release'));
    if (failure === undefined) return scope.parent!.hooks.adopt(scope.hooks);
    const cause = scope.firstFailure ?? failure;
    throw this.#unexpectedRollback({ reason: `a statement in it had failed (${messageOf(cause)})`, cause });
  }

  async fail(error: unknown): Promise<unknown> {
    if (isRollbackOn(this.definition, error)) await this.#undo(error);
    else await this.complete();
    return error;
  }

  #unexpectedRollback(mark: RollbackMark): UnexpectedRollbackError {
    return new UnexpectedRollbackError(`a savepoint of ${this.scope.transaction.toString()}`, mark);
  }

  /** A savepoint that cannot be undone leaves the whole transaction with no way but back. */
  async #undo(because: unknown): Promise<void> {
    const failure = await attempt(() => this.#leave('rollback'));
    if (failure === undefined) return;
    this.scope.parent!.markRollbackOnly(`a savepoint could not be undone (${messageOf(failure)})`, because);
  }

  async #leave(how: 'release' | 'rollback'): Promise<void> {
    const { scope } = this;
    scope.end();
    if (scope.transaction.hasResource) await scope.transaction.resource.leaveScope(scope, how);
  }
}
