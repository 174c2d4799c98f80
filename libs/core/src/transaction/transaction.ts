import type { ErrorOutcome, TransactionError } from '../errors.js';
import type { Clock } from './clock.js';
import type { Deadline } from './deadline.js';
import { trace } from './diagnostics.js';
import type { TransactionDefinition } from './transaction-options.js';
import { TransactionScope } from './transaction-scope.js';
import type { TransactionalResource } from './transactional-resource.js';

/** How a transaction ended. */
export type Outcome = Exclude<ErrorOutcome, 'not-started'>;

/** What a transaction is now. */
export type TransactionState =
  /** Nothing was sent yet; there is no connection and no BEGIN. */
  | { readonly kind: 'idle' }
  /** BEGIN was sent. */
  | { readonly kind: 'active' }
  /** The gate is closed; COMMIT or ROLLBACK is on its way. */
  | { readonly kind: 'ending' }
  | { readonly kind: 'ended'; readonly outcome: Outcome };

const NEXT: Readonly<Record<TransactionState['kind'], readonly TransactionState['kind'][]>> = {
  idle: ['active', 'ending'],
  active: ['ending'],
  ending: ['ended'],
  ended: [],
};

/** What a new transaction is made of. */
export interface TransactionParts {
  /** Unique within the process. */
  readonly id: string;
  readonly definition: TransactionDefinition;
  readonly requestId: string | undefined;
  /** 1 at the first try. */
  readonly attempt: number;
  /** What the earlier tries failed with, for this one to keep clear of. */
  readonly conflicts: readonly unknown[];
  /** Shared by all attempts of one call. */
  readonly deadline: Deadline | undefined;
  /** The scope that surrounds the call and waits for it to end. */
  readonly suspended: TransactionScope | undefined;
  readonly clock: Clock;
}

/** One transaction, from the first call that needed it to its outcome. Retrying makes a new one. */
export class Transaction {
  /** The part of the transaction outside of any savepoint. */
  readonly root: TransactionScope = new TransactionScope(this, undefined);
  readonly id: string;
  readonly requestId: string | undefined;
  readonly attempt: number;
  readonly conflicts: readonly unknown[];
  readonly deadline: Deadline | undefined;
  readonly suspended: TransactionScope | undefined;
  readonly #clock: Clock;
  readonly #openResource: (transaction: Transaction) => TransactionalResource;
  #resource: TransactionalResource | undefined;
  readonly #openedAt: number;
  #definition: TransactionDefinition;
  #state: TransactionState = { kind: 'idle' };
  #statements = 0;
  #hasBegun = false;
  #interruption: Error | undefined;
  #isStreaming = false;

  constructor(parts: TransactionParts, openResource: (transaction: Transaction) => TransactionalResource) {
    this.id = parts.id;
    this.#definition = parts.definition;
    this.requestId = parts.requestId;
    this.attempt = parts.attempt;
    this.conflicts = parts.conflicts;
    this.deadline = parts.deadline;
    this.suspended = parts.suspended;
    this.#clock = parts.clock;
    this.#openedAt = parts.clock.now();
    this.#openResource = openResource;
  }

  /** What it is; of a provisional one, what it is by now. */
  get definition(): TransactionDefinition {
    return this.#definition;
  }

  /** Goes on as `definition` says; how it begins can be changed only before BEGIN is sent. */
  redefine(definition: TransactionDefinition): void {
    this.#definition = definition;
  }

  /** Where its data is; opened when something first asks for it. */
  get resource(): TransactionalResource {
    return (this.#resource ??= this.#openResource(this));
  }

  /** Whether anything ever asked for its resource; if not, there is nothing to commit, to roll back or to give back. */
  get hasResource(): boolean {
    return this.#resource !== undefined;
  }

  /** Whether it lasts until a stream ends that the call handed out: then the call cannot be made again. */
  get isStreaming(): boolean {
    return this.#isStreaming;
  }

  stream(): void {
    this.#isStreaming = true;
  }

  /** Since it was opened, in milliseconds. */
  get ageMs(): number {
    return this.#clock.now() - this.#openedAt;
  }

  /** Why it was ended from outside (its time was over, the application shuts down), if it was. */
  get interruption(): Error | undefined {
    return this.#interruption;
  }

  get state(): TransactionState {
    return this.#state;
  }

  /** Whether it can still take statements. */
  get isOpen(): boolean {
    return this.#state.kind === 'idle' || this.#state.kind === 'active';
  }

  /** Whether BEGIN was ever sent; stays true to the end. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** How many statements of the user were sent. */
  get statements(): number {
    return this.#statements;
  }

  /** How it ended; while COMMIT or ROLLBACK is under way, nobody knows yet. Before that, nothing of it is stored. */
  get outcome(): Outcome {
    if (this.#state.kind === 'ended') return this.#state.outcome;
    return this.#state.kind === 'ending' ? 'unknown' : 'rolled-back';
  }

  moveTo(next: TransactionState): void {
    if (!NEXT[this.#state.kind].includes(next.kind)) {
      throw new Error(`${this.toString()} cannot go from ${this.#state.kind} to ${next.kind}.`);
    }
    this.#state = next;
    if (next.kind !== 'active') return;
    this.#hasBegun = true;
    trace('begin', this);
  }

  /** Ends it from outside: from now on it can only be rolled back, and its running statement is cancelled. */
  interrupt(because: Error): void {
    this.#interruption ??= because;
    this.root.markRollbackOnly(because.message, because);
    this.#resource?.interrupt(because);
  }

  /** Ends the time for statements, synchronously: see {@link TransactionalResource.close}. */
  close(): void {
    this.moveTo({ kind: 'ending' });
    this.#resource?.close();
  }

  /** Writes the request on an error that is about this transaction. */
  identified<E extends TransactionError>(error: E): E {
    if (this.requestId !== undefined) error.requestId = this.requestId;
    return error;
  }

  countStatement(): void {
    this.#statements++;
  }

  /** e.g. `tx-7 (OrdersService.place)`, as errors and logs name it. */
  toString(): string {
    return `${this.id} (${this.definition.label})`;
  }
}
