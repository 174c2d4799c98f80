import { messageOf } from '../errors.js';
import type { TransactionDefinition } from './transaction-options.js';
import { Hooks } from './hooks.js';
import type { TransactionStatus } from './transaction-status.js';
import type { Transaction } from './transaction.js';

/** Why a scope can only be rolled back. */
export interface RollbackMark {
  readonly reason: string;
  readonly cause: unknown;
}

/** A statement failed, and nothing undid it. */
export function failedStatement(cause: unknown): RollbackMark {
  return { reason: `a statement had failed (${messageOf(cause)})`, cause };
}

/** A part of a transaction that is kept or undone as a whole: the transaction itself, or what follows a savepoint. */
export class TransactionScope implements TransactionStatus {
  readonly depth: number;
  /** Goes from false to true exactly once. */
  #ended = false;
  #mark: RollbackMark | undefined;
  #firstFailure: unknown;
  #hooks: Hooks | undefined;

  constructor(
    readonly transaction: Transaction,
    readonly parent: TransactionScope | undefined,
  ) {
    this.depth = parent === undefined ? 1 : parent.depth + 1;
  }

  get id(): string {
    return this.transaction.id;
  }
  get label(): string {
    return this.transaction.definition.label;
  }
  get requestId(): string | undefined {
    return this.transaction.requestId;
  }
  get isolation(): TransactionDefinition['isolation'] {
    return this.transaction.definition.isolation;
  }
  get readOnly(): boolean {
    return this.transaction.definition.readOnly;
  }

  get attempt(): number {
    return this.transaction.attempt;
  }
  get remainingMs(): number | undefined {
    return this.transaction.deadline?.remainingMs;
  }

  /** Whether statements may still be sent in it. */
  get isOpen(): boolean {
    if (this.#ended) return false;
    return this.parent === undefined ? this.transaction.isOpen : this.parent.isOpen;
  }

  get hooks(): Hooks {
    return (this.#hooks ??= new Hooks());
  }

  /** Whether anything ever asked for its hooks. */
  get hasHooks(): boolean {
    return this.#hooks !== undefined;
  }

  get isRollbackOnly(): boolean {
    return this.#mark !== undefined;
  }

  get rollbackMark(): RollbackMark | undefined {
    return this.#mark;
  }

  /** The first error that the server reported in this scope; later ones (25P02) only follow from it. */
  get firstFailure(): unknown {
    return this.#firstFailure ?? this.parent?.firstFailure;
  }

  setRollbackOnly(): void {
    this.markRollbackOnly('setRollbackOnly() was called', undefined);
  }

  /** The first mark stays: it is the cause of everything after it. */
  markRollbackOnly(reason: string, cause: unknown): void {
    this.#mark ??= { reason, cause };
  }

  noteFailure(error: unknown): void {
    if (this.firstFailure === undefined) this.#firstFailure = error;
  }

  /** What {@link forgetFailuresSince} goes back to. */
  get ownFirstFailure(): unknown {
    return this.#firstFailure;
  }

  /** A savepoint by hand was rolled back, and with it what had failed since. */
  forgetFailuresSince(before: unknown): void {
    this.#firstFailure = before;
  }

  end(): void {
    this.#ended = true;
  }
}
