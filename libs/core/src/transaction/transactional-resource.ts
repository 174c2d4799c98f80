import type { TransactionScope } from './transaction-scope.js';

/** The server's answer to COMMIT, or the lack of one. */
export type CommitAnswer =
  | { readonly outcome: 'committed' }
  /** The server answered ROLLBACK (a statement had failed), or the connection was lost before COMMIT was sent. */
  | { readonly outcome: 'rolled-back'; readonly reason: string; readonly cause: unknown }
  /** The connection was lost after COMMIT was sent and before the answer came. */
  | { readonly outcome: 'unknown'; readonly cause: unknown };

/** The moments that a resource's own listeners (TypeORM's subscribers) hear of. */
export type ResourceEvent = 'before-commit' | 'after-commit' | 'before-rollback' | 'after-rollback';

/**
 * What a transaction needs of whatever stores its data. One resource serves one transaction and is never used again.
 * The workflow knows only this port; `typeorm/` implements it.
 */
export interface TransactionalResource {
  /**
   * Refuses, from this very moment, every statement that is not on the wire yet. Synchronous on purpose: whoever
   * awaited before closing would let statements slip in behind COMMIT or ROLLBACK, where they autocommit.
   */
  close(): void;
  /** Whether a statement failed and was not undone by a savepoint, so that COMMIT would be answered ROLLBACK. */
  readonly hasFailed: boolean;
  /** Closes, and cancels the running statement; a connection that does not answer in time is destroyed. */
  interrupt(because: Error): void;
  /** Tells the resource's own listeners. Before `close`, they may still send statements. */
  announce(event: ResourceEvent): Promise<void>;
  /**
   * Sends what has to be in the transaction before COMMIT and nobody else sends; `undefined` where there is nothing.
   *
   * @throws what makes a commit impossible: everything is rolled back then
   */
  prepare(): Promise<void> | undefined;
  /** @throws the server's error when it refuses COMMIT (a deferred constraint, 40001): everything is rolled back then. */
  commit(): Promise<CommitAnswer>;
  rollback(): Promise<void>;
  /**
   * Keeps (`release`) or undoes (`rollback`) what was sent in `scope`, whose first statement set a savepoint.
   *
   * @throws when a statement in it had failed: it cannot be kept, and is undone
   */
  leaveScope(scope: TransactionScope, how: 'release' | 'rollback'): Promise<void>;
  /** Gives the connection back to its pool, or destroys it when it is not idle. Never throws. */
  dispose(): Promise<void>;
}
