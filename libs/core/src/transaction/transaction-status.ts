import type { IsolationLevel } from './transaction-options.js';

/** The current transaction as user code sees it, through `TransactionManager.current`. */
export interface TransactionStatus {
  /** Unique within the process; stands in errors and logs. */
  readonly id: string;
  /** The `label` option, else `Class.method`. */
  readonly label: string;
  /** The request that began the transaction, where one is known. */
  readonly requestId: string | undefined;
  /** The isolation level that was asked for; `undefined` means the server's default. */
  readonly isolation: IsolationLevel | undefined;
  readonly readOnly: boolean;
  /** 1 at the first try, one more at each retry. */
  readonly attempt: number;
  /** What is left of `timeoutMs`, in milliseconds; `undefined` without a limit. */
  readonly remainingMs: number | undefined;
  /** 1 in the transaction itself, one more in each savepoint. Joined calls do not count. */
  readonly depth: number;
  /** Whether the transaction (in a savepoint: the part since it) can only be rolled back. */
  readonly isRollbackOnly: boolean;
  /**
   * Decides that the transaction (in a savepoint: the part since it) is rolled back at its end. Its caller is told by an
   * `UnexpectedRollbackError` when the method returns as if all were well.
   */
  setRollbackOnly(): void;
}
