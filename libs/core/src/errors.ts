/**
 * Every error the library throws: class, code, the facts as fields, and one remedy in the message.
 *
 * Each code has a page in `docs/errors/` that tells what happened, what is in the database now and what to do.
 */

/**
 * What became of the data when the error reached the caller.
 *
 * - `not-started`: nothing was sent to the database.
 * - `rolled-back`: nothing of the transaction is stored.
 * - `committed`: everything is stored; something *after* COMMIT failed.
 * - `unknown`: the connection was lost while COMMIT was under way, or user code ended the transaction; nobody can tell.
 */
export type ErrorOutcome = 'not-started' | 'rolled-back' | 'committed' | 'unknown';

/** What all errors of this library have in common. */
export interface TransactionErrorFacts {
  /** What became of the data. */
  readonly outcome: ErrorOutcome;
  /** Whether the same call may succeed when it is made again. @defaultValue `false` */
  readonly retryable?: boolean;
  /** The error that led to this one: of a transaction, always its *first* failure. */
  readonly cause?: unknown;
}

// Errors of the ESM and of the CommonJS copy of this package recognise each other by this brand.
const BRAND = Symbol.for('nest-transactional.error');

/**
 * The base of every error this library throws.
 *
 * @example
 * ```ts
 * try {
 *   await orders.place(basket);
 * } catch (error) {
 *   if (error instanceof TransactionError && error.outcome === 'unknown') await orders.reconcile(basket);
 *   throw error;
 * }
 * ```
 */
export abstract class TransactionError extends Error {
  /** The error's own, stable name; `docs/errors/` has a page for each. */
  abstract readonly code: string;
  /** What became of the data. */
  readonly outcome: ErrorOutcome;
  /** Whether the same call may succeed when it is made again. */
  readonly retryable: boolean;
  /** The request in which it happened, where one is known. */
  requestId?: string;

  constructor(message: string, facts: TransactionErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.outcome = facts.outcome;
    this.retryable = facts.retryable ?? false;
    Object.defineProperty(this, BRAND, { value: lineageOf(new.target) });
  }

  static override [Symbol.hasInstance](candidate: unknown): boolean {
    if (typeof candidate !== 'object' || candidate === null) return false;
    if (Function.prototype[Symbol.hasInstance].call(this, candidate)) return true;
    const lineage = (candidate as Record<symbol, unknown>)[BRAND];
    return Array.isArray(lineage) && lineage.includes(this.name);
  }
}

/** The names of a class of errors and of all that it extends, down to `TransactionError`. */
function lineageOf(errorClass: unknown): readonly string[] {
  if (typeof errorClass !== 'function' || errorClass === Error) return [];
  return [errorClass.name, ...lineageOf(Object.getPrototypeOf(errorClass))];
}

/** An option has a name or a value that means nothing. Thrown while the decorator or the module is evaluated. */
export class InvalidOptionsError extends TransactionError {
  readonly code = 'INVALID_OPTIONS';

  constructor(
    message: string,
    /** The option at fault. */
    readonly option: string,
  ) {
    super(message, { outcome: 'not-started' });
  }
}

/** A `@Transactional()` method was called on an object that Nest did not create, and no context tells whose it is. */
export class NotManagedError extends TransactionError {
  readonly code = 'NOT_MANAGED';

  constructor(
    /** `Class.method` that was called. */
    readonly method: string,
  ) {
    super(
      `${method} is @Transactional(), but Nest did not create this object and no transaction context surrounds the ` +
        `call. Let Nest create it (list the class in a module's providers), or call it inside ` +
        `transactionManager.run(…) or transactionManager.withContext(…).`,
      { outcome: 'not-started' },
    );
  }
}

/** A propagation mode forbids the call where it was made (MANDATORY without, NEVER inside a transaction). */
export class PropagationError extends TransactionError {
  readonly code = 'PROPAGATION';

  constructor(
    message: string,
    /** The propagation mode that was violated. */
    readonly propagation: string,
  ) {
    super(message, { outcome: 'not-started' });
  }
}

/** A call cannot join the surrounding transaction, because it asks for something that transaction is not. */
export class IncompatibleOptionsError extends TransactionError {
  readonly code = 'INCOMPATIBLE_OPTIONS';

  constructor(
    /** The option that conflicts. */
    readonly option: string,
    facts: { requested: unknown; current: unknown; caller: string; transaction: string },
  ) {
    super(
      `${facts.caller} asks for ${option} ${String(facts.requested)} but would join ${facts.transaction}, which has ` +
        `${option} ${String(facts.current)}. Give both the same ${option}, or use REQUIRES_NEW.`,
      { outcome: 'not-started' },
    );
    this.requested = facts.requested;
    this.current = facts.current;
  }

  /** What the call asked for. */
  readonly requested: unknown;
  /** What the surrounding transaction has. */
  readonly current: unknown;
}

/** The transaction could not begin: the server cannot be reached, or it refused BEGIN. Nothing was done. */
export class CannotCreateTransactionError extends TransactionError {
  readonly code = 'CANNOT_CREATE_TRANSACTION';

  constructor(cause: unknown) {
    super(
      `The transaction could not begin: ${messageOf(cause)}. Nothing was sent; call again when the server is back.`,
      { outcome: 'not-started', retryable: true, cause },
    );
  }
}

/** A statement, or a joining call, came after its transaction had ended. It was refused: it would have autocommitted. */
export class TransactionEndedError extends TransactionError {
  readonly code = 'TRANSACTION_ENDED';

  constructor(
    /** The ended transaction, e.g. `tx-7 (OrdersService.place)`. */
    readonly transaction: string,
    facts: { what: string; outcome: ErrorOutcome; cause?: unknown },
  ) {
    super(
      `${facts.what} was refused: ${transaction} has ended. Await everything a transactional method starts before ` +
        `it returns, or start long-lived work outside the transaction.`,
      { outcome: facts.outcome, cause: facts.cause },
    );
  }
}

/** User code tried to begin, commit or roll back a transaction that is not its own. The attempt was refused. */
export class TransactionControlError extends TransactionError {
  readonly code = 'TRANSACTION_CONTROL';

  constructor(
    /** The transaction that was to be ended by hand. */
    readonly transaction: string,
    facts: { what: string; outcome: ErrorOutcome },
  ) {
    super(
      `${facts.what} inside ${transaction}, whose end is not user code's to decide. Return to commit, throw or call ` +
        `setRollbackOnly() to roll back; use NESTED for a part of its own.`,
      { outcome: facts.outcome },
    );
  }
}

/** The caller asked for a commit, the transaction was rolled back. Nothing of it is stored. */
export class UnexpectedRollbackError extends TransactionError {
  readonly code = 'UNEXPECTED_ROLLBACK';

  constructor(
    /** The transaction that was rolled back, e.g. `tx-7 (OrdersService.place)`. */
    readonly transaction: string,
    facts: { reason: string; cause?: unknown },
  ) {
    super(
      `${transaction} was rolled back although its method returned: ${clause(facts.reason)}. Let the failure reach the ` +
        `outermost method, or put the part that may fail into a NESTED transaction.`,
      { outcome: 'rolled-back', cause: facts.cause },
    );
  }
}

/** The connection was lost while COMMIT was under way. The data may be stored or not; look before doing it again. */
export class OutcomeUnknownError extends TransactionError {
  readonly code = 'OUTCOME_UNKNOWN';

  constructor(
    /** The transaction whose outcome is unknown, e.g. `tx-7 (OrdersService.place)`. */
    readonly transaction: string,
    cause: unknown,
  ) {
    super(
      `The connection was lost during COMMIT of ${transaction} (${messageOf(cause)}); it is unknown whether the data ` +
        `is stored. Read it back before trying again.`,
      { outcome: 'unknown', cause },
    );
  }
}

/** Everything is stored, but something that ran after COMMIT failed: a hook, a listener, a subscriber. */
export class AfterCommitError extends TransactionError {
  readonly code = 'AFTER_COMMIT';

  constructor(
    /** The transaction that was committed, e.g. `tx-7 (OrdersService.place)`. */
    readonly transaction: string,
    /** Everything that failed, in order; the others ran all the same. */
    readonly errors: readonly unknown[],
    /** What the method had returned. */
    readonly result: unknown,
  ) {
    super(
      `${transaction} is committed, but ${errors.length} after-commit hook(s) failed, first: ${messageOf(errors[0])}. ` +
        `Do not repeat the call; make the hook robust if its failure should only be logged.`,
      { outcome: 'committed', cause: errors[0] },
    );
  }
}

/** The time of `timeoutMs` was over. The running statement was cancelled, everything is rolled back. */
export class TransactionTimeoutError extends TransactionError {
  readonly code = 'TRANSACTION_TIMEOUT';

  constructor(
    readonly transaction: string,
    /** How long it was allowed to take, over all attempts. */
    readonly timeoutMs: number,
    cause?: unknown,
  ) {
    super(
      `${transaction} took longer than its ${timeoutMs} ms and was rolled back. Do less in one transaction, wait for ` +
        `nothing but the database in it, or raise timeoutMs.`,
      { outcome: 'rolled-back', retryable: true, cause },
    );
  }
}

/** The call needs a second connection while its own transaction holds one, and the pool cannot give it. */
export class ConnectionStarvationError extends TransactionError {
  readonly code = 'CONNECTION_STARVATION';

  constructor(
    readonly transaction: string,
    facts: { held: number; waitedMs: number },
  ) {
    super(
      `${transaction} waits for a second connection while ${facts.held} connection(s) are held by transactions that wait ` +
        `likewise; gave up after ${Math.round(facts.waitedMs)} ms. Raise the pool size above the number of such callers, ` +
        `or use NESTED or REQUIRED in place of REQUIRES_NEW.`,
      { outcome: 'not-started', retryable: true },
    );
    this.held = facts.held;
    this.waitedMs = facts.waitedMs;
  }

  /** How many connections are held by suspended transactions. */
  readonly held: number;
  /** How long it waited, in milliseconds. */
  readonly waitedMs: number;
}

/** The call waits for something that cannot happen before the call itself ends. */
export class SelfDeadlockError extends TransactionError {
  readonly code = 'SELF_DEADLOCK';

  constructor(
    readonly transaction: string,
    facts: { cycle: string; remedy: string; cause?: unknown },
  ) {
    super(`${transaction} waits for itself: ${facts.cycle}. ${facts.remedy}`, {
      outcome: 'rolled-back',
      cause: facts.cause,
    });
  }
}

/** Every try failed with an error worth retrying. Nothing is stored; `cause` is the last try's error. */
export class RetriesExhaustedError extends TransactionError {
  readonly code = 'RETRIES_EXHAUSTED';

  constructor(
    readonly transaction: string,
    /** How many tries there were, the first included. */
    readonly attempts: number,
    cause: unknown,
  ) {
    super(
      `${transaction} failed ${attempts} times, last with: ${clause(messageOf(cause))}. Try later, raise maxRetries, or take a ` +
        `row lock first where many callers meet.`,
      { outcome: 'rolled-back', retryable: true, cause },
    );
  }
}

/** What an {@link OptimisticLockError} tells. */
export interface OptimisticLockFacts {
  /** The entity's name. */
  readonly entity: string;
  /** The row's primary key: the plain value, or an object of the key's properties where there are several. */
  readonly id: unknown;
  /** The version that the writer had seen, or was told to expect; `undefined` for an entity without one of its own. */
  readonly expected: number | string | undefined;
  /** The version that the row has, where that is known without asking; `null` where there is no row. */
  readonly actual?: number | string | null | undefined;
  /** What was refused, e.g. `save()`. */
  readonly what: string;
  /** Whether the version was given from outside (a client's If-Match): trying again would be in vain. */
  readonly isPrecondition?: boolean;
  readonly cause?: unknown;
}

/** The row was changed or deleted since it was read: writing now would undo what another one wrote. Nothing was written. */
export class OptimisticLockError extends TransactionError {
  readonly code = 'OPTIMISTIC_LOCK';
  /** The entity's name. */
  readonly entity: string;
  /** The row's primary key: the plain value, or an object of the key's properties where there are several. */
  readonly id: unknown;
  /** The version that the writer had seen, or was told to expect; `undefined` for an entity without one of its own. */
  readonly expected: number | string | undefined;
  /** The version that the row has, where that is known without asking; `null` where there is no row. */
  readonly actual: number | string | null | undefined;
  readonly #read: () => Promise<unknown>;

  /** @internal */
  constructor(facts: OptimisticLockFacts, read: () => Promise<unknown>) {
    super(
      `${facts.what} of ${facts.entity} ${JSON.stringify(facts.id)} expected ${nameOf(facts.expected)}, but the row ` +
        `${foundInstead(facts.actual)}. Read it again and apply the change to what is there now; error.current() gives it.`,
      { outcome: 'rolled-back', retryable: facts.isPrecondition !== true, cause: facts.cause },
    );
    this.entity = facts.entity;
    this.id = facts.id;
    this.expected = facts.expected;
    this.actual = facts.actual;
    this.#read = read;
  }

  /**
   * The row as it is committed in the database at this moment, read on a connection of its own, outside of any
   * transaction; `null` when it was deleted. A soft-deleted row is given, too.
   *
   * @example
   * ```ts
   * const theirs = await error.current<Product>();
   * ```
   */
  async current<E = unknown>(): Promise<E | null> {
    return (await this.#read()) as E | null;
  }
}

/** An entity without its version was to be written, and the policy `missing: 'reject'` forbids that. */
export class MissingVersionError extends TransactionError {
  readonly code = 'MISSING_VERSION';

  constructor(
    /** The entity's name. */
    readonly entity: string,
    /** The row's primary key, as in {@link OptimisticLockError}. */
    readonly id: unknown,
    what: string,
  ) {
    super(
      `${what} of ${entity} ${JSON.stringify(id)} was refused: the entity carries no version to compare with. Load the ` +
        `version with the entity, take it over from the request, or choose another policy for missing versions.`,
      { outcome: 'rolled-back' },
    );
  }
}

/** A hook or an event was to be bound to the current transaction, but there is none. */
export class NoTransactionError extends TransactionError {
  readonly code = 'NO_TRANSACTION';

  constructor(
    /** What needs a transaction, e.g. `afterCommit()`. */
    readonly what: string,
  ) {
    super(
      `${what} needs a transaction, and none surrounds the call. Call it inside a @Transactional() method or ` +
        `transactionManager.run(…); of events, a listener that should run all the same takes fallbackExecution: true.`,
      { outcome: 'not-started' },
    );
  }
}

/** The application is shutting down: no transaction begins any more, and those that run too long are rolled back. */
export class ShutdownError extends TransactionError {
  readonly code = 'SHUTDOWN';

  constructor(
    readonly transaction: string,
    outcome: 'not-started' | 'rolled-back',
  ) {
    super(
      `${transaction} was ${outcome === 'not-started' ? 'refused' : 'rolled back'}: the application is shutting down. ` +
        `Send the request to another instance, or again after the restart.`,
      { outcome, retryable: true },
    );
  }
}

/** The client has closed the connection before its request was answered: nobody waits for the result, so it is not stored. */
export class RequestAbortedError extends TransactionError {
  readonly code = 'REQUEST_ABORTED';

  constructor(
    /** The request's transaction, e.g. `tx-7 (OrdersController.place)`. */
    readonly transaction: string,
    cause?: unknown,
  ) {
    super(
      `${transaction} was rolled back: the client has closed the connection before the request was answered. Put work that ` +
        `goes on without a client into a job, or take the handler out of the request's transaction with @NonAtomic().`,
      { outcome: 'rolled-back', retryable: true, cause },
    );
  }
}

/** A handler in a request's transaction answers with a stream, or by itself: its bytes could be sent before COMMIT. */
export class UnsupportedResponseError extends TransactionError {
  readonly code = 'UNSUPPORTED_RESPONSE';

  constructor(
    /** `Class.method` that was called, or all of them. */
    readonly handler: string,
    facts: { what: string; outcome: 'not-started' | 'rolled-back' },
  ) {
    super(
      `${handler} ${facts.what}, but runs in its request's transaction, which commits before the first byte is sent. ` +
        `Return the value, or take the handler out of that transaction with @NonAtomic().`,
      { outcome: facts.outcome },
    );
    this.what = facts.what;
  }

  /** What it does, e.g. `returned a stream`. */
  readonly what: string;
}

/** The row is locked by another transaction, and the caller did not want to wait (any longer). Nothing was locked or changed. */
export class RowLockedError extends TransactionError {
  readonly code = 'ROW_LOCKED';

  constructor(
    /** The entity's name. */
    readonly entity: string,
    /** The conditions by which the row was looked for. */
    readonly where: unknown,
    cause: unknown,
  ) {
    super(
      `The row of ${entity} could not be locked: another transaction has it (${messageOf(cause)}). Try again later, allow ` +
        `more time with timeoutMs, or wait until it is free.`,
      { outcome: 'not-started', retryable: true, cause },
    );
  }
}

/** Describes any thrown value in one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message || error.name : String(error);
}

/** A message inside another one's sentence. */
function clause(message: string): string {
  return message.replace(/\.$/, '');
}

function nameOf(version: number | string | undefined): string {
  return version === undefined ? 'it to be there' : `version ${version}`;
}

function foundInstead(actual: number | string | null | undefined): string {
  if (actual === undefined) return 'was changed or deleted meanwhile';
  return actual === null ? 'does not exist any more' : `has version ${actual}`;
}
