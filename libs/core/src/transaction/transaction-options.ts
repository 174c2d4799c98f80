import type { Propagation } from './propagation.js';
import { withoutUndefined } from './without-undefined.js';
import { retryPolicyOf, type RetryOptions, type RetryPolicy } from './retry-policy.js';

/** TypeORM's own names of the SQL isolation levels. */
export type IsolationLevel = 'READ UNCOMMITTED' | 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

/** Any class of errors, abstract or not. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** Error classes (the closest in the prototype chain of the thrown error wins), or a predicate. */
export type ErrorSelector = readonly ErrorClass[] | ErrorClass | ((error: unknown) => boolean);

/**
 * What a transactional method asks for. Every option may be left out; unknown names and ill-typed values are refused
 * with an `InvalidOptionsError` while the decorator or the module is evaluated.
 *
 * @example
 * ```ts
 * const options: TransactionOptions = { isolation: 'SERIALIZABLE', readOnly: true, label: 'month-end report' };
 * ```
 */
export interface TransactionOptions {
  /** How the call relates to the surrounding transaction. @defaultValue `'REQUIRED'` */
  readonly propagation?: Propagation;
  /**
   * The isolation level, sent with BEGIN. Joining a transaction of another level is an `IncompatibleOptionsError`.
   * @defaultValue the server's own default
   * @see https://www.postgresql.org/docs/current/transaction-iso.html
   */
  readonly isolation?: IsolationLevel;
  /**
   * Begins the transaction READ ONLY: every write is refused by the server (SQLSTATE 25006). A method that is not
   * read-only cannot join a read-only transaction: `IncompatibleOptionsError`.
   * @defaultValue `false`
   */
  readonly readOnly?: boolean;
  /**
   * With SERIALIZABLE and `readOnly`: waits at the first statement until a snapshot is safe, then never fails with 40001.
   * @defaultValue `false`
   * @see https://www.postgresql.org/docs/current/sql-set-transaction.html
   */
  readonly deferrable?: boolean;
  /**
   * How long the transaction may take from its first statement to COMMIT, over all attempts, in milliseconds. Then the
   * running statement is cancelled, everything is rolled back and the caller gets a `TransactionTimeoutError`. The server
   * watches, too. Joining a transaction that has less time left is an `IncompatibleOptionsError`.
   * @defaultValue no limit
   * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-TRANSACTION-TIMEOUT
   */
  readonly timeoutMs?: number;
  /**
   * How often to try again after a serialization failure (40001), a deadlock (40P01) or an optimistic conflict; `false`
   * for never. Only who begins the transaction can retry: on a joined call it is an `IncompatibleOptionsError`. When every
   * try failed, `RetriesExhaustedError`.
   * @defaultValue `false`
   */
  readonly retry?: number | false | RetryOptions;
  /** Errors that roll back, where `noRollbackFor` names a more general class. @defaultValue every error */
  readonly rollbackFor?: ErrorSelector;
  /**
   * Errors that do *not* roll back: the transaction commits, then the error is thrown. It does not undo a rollback-only
   * mark, and a failed statement cannot be committed. @defaultValue none
   */
  readonly noRollbackFor?: ErrorSelector;
  /** Which data source, by the name that `@nestjs/typeorm` knows. @defaultValue the first enlisted one */
  readonly dataSource?: string;
  /** Names the transaction in errors and logs. @defaultValue `Class.method` */
  readonly label?: string;
}

/** Options with everything decided; what the workflow reads. */
export interface TransactionDefinition {
  readonly propagation: Propagation;
  readonly isolation: IsolationLevel | undefined;
  readonly readOnly: boolean;
  readonly deferrable: boolean;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly rollbackFor: ErrorSelector | undefined;
  readonly noRollbackFor: ErrorSelector | undefined;
  readonly dataSource: string | undefined;
  readonly label: string;
  /**
   * Whether it was opened before anybody knew what it is for (a request's): the first methods that join it decide what they
   * would have decided had they begun it.
   */
  readonly isProvisional: boolean;
  /** Ends it from outside; `undefined` where nobody can. */
  readonly signal: AbortSignal | undefined;
  /** What the method itself asked for: only this, and no module default, can conflict with a joined transaction. */
  readonly asked: TransactionOptions;
}

/** Decides every option: what the method `asked` for wins over the module's `defaults`. */
export function defineTransaction(
  label: string,
  asked: TransactionOptions,
  defaults: TransactionOptions = {},
): TransactionDefinition {
  const decided = inheritOptions(defaults, asked);
  return Object.freeze({
    propagation: decided.propagation ?? 'REQUIRED',
    isolation: decided.isolation,
    readOnly: decided.readOnly ?? false,
    deferrable: decided.deferrable ?? false,
    timeoutMs: decided.timeoutMs,
    retry: retryPolicyOf(decided.retry),
    rollbackFor: decided.rollbackFor,
    noRollbackFor: decided.noRollbackFor,
    dataSource: decided.dataSource,
    label: decided.label ?? label,
    isProvisional: false,
    signal: undefined,
    asked,
  });
}

/** What a transaction is asked for that is opened around everything a request does. */
export interface RequestDemands extends Pick<TransactionOptions, 'readOnly' | 'retry' | 'dataSource'> {
  /** An error that rolls back whatever the defaults say. */
  readonly rollbackFor?: ErrorClass;
  /** Whose abort rolls it back. */
  readonly signal?: AbortSignal | undefined;
}

/** As {@link defineTransaction}, for a transaction about which the methods that join it first have a say. */
export function defineRequestTransaction(
  label: string,
  { signal, rollbackFor, ...asked }: RequestDemands,
  defaults: TransactionOptions = {},
): TransactionDefinition {
  const definition = defineTransaction(label, asked, defaults);
  const selectors = [rollbackFor ?? [], definition.rollbackFor ?? []].flat() as ErrorSelector;
  return Object.freeze({ ...definition, rollbackFor: selectors, isProvisional: true, signal });
}

/**
 * Whether all statements of the transaction see what was committed before the first one, however long that waited.
 *
 * @see https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ
 */
export function hasOneSnapshot({ isolation }: Pick<TransactionDefinition, 'isolation'>): boolean {
  return isolation === 'REPEATABLE READ' || isolation === 'SERIALIZABLE';
}

/** `own` options win; inherited ones that mean nothing with the resulting propagation are left out. */
export function inheritOptions(inherited: TransactionOptions, own: TransactionOptions): TransactionOptions {
  const merged = { ...withoutUndefined(inherited), ...withoutUndefined(own) };
  const meaningless = meaninglessWith(merged.propagation);
  return Object.fromEntries(
    Object.entries(merged).filter(
      ([name]) => !meaningless.includes(name as OptionName) || own[name as OptionName] !== undefined,
    ),
  );
}

export type OptionName = keyof TransactionOptions;

const OF_A_BEGINNING: readonly OptionName[] = ['isolation', 'readOnly', 'deferrable', 'timeoutMs', 'retry'];

const MEANINGLESS: Partial<Record<Propagation, readonly OptionName[]>> = {
  NESTED: ['isolation', 'deferrable', 'retry'],
  MANDATORY: ['retry'],
  SUPPORTS: OF_A_BEGINNING,
  NOT_SUPPORTED: OF_A_BEGINNING,
  NEVER: OF_A_BEGINNING,
};

/** Options that a propagation mode could only ignore. */
export function meaninglessWith(propagation: Propagation = 'REQUIRED'): readonly OptionName[] {
  return MEANINGLESS[propagation] ?? [];
}
