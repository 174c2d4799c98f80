export { asyncLocalStorageNamespace } from './context/async-local-storage-namespace.js';
export type { ContextNamespace } from './context/context-namespace.js';
export type { Frame } from './context/frame.js';
export { outsideTransaction } from './context/current-frame.js';
export {
  AfterCommitError,
  CannotCreateTransactionError,
  ConnectionStarvationError,
  IncompatibleOptionsError,
  InvalidOptionsError,
  MissingVersionError,
  NoTransactionError,
  NotManagedError,
  OptimisticLockError,
  OutcomeUnknownError,
  PropagationError,
  RequestAbortedError,
  RetriesExhaustedError,
  RowLockedError,
  SelfDeadlockError,
  ShutdownError,
  TransactionControlError,
  TransactionEndedError,
  TransactionError,
  TransactionTimeoutError,
  UnexpectedRollbackError,
  UnsupportedResponseError,
  type ErrorOutcome,
  type OptimisticLockFacts,
  type TransactionErrorFacts,
} from './errors.js';
export { NonAtomic } from './nest/non-atomic.decorator.js';
export { RequestTransactions, type RequestTransactionOptions } from './nest/request-transactions.js';
export {
  TransactionalEventListener,
  type EventPhase,
  type TransactionalEventListenerOptions,
} from './nest/transactional-event-listener.decorator.js';
export { TransactionalEvents } from './nest/transactional-events.js';
export { Transactional } from './nest/transactional.decorator.js';
export { TransactionalModule, type TransactionalModuleOptions } from './nest/transactional.module.js';
export type { Clock } from './transaction/clock.js';
export type { TransactionTrace } from './transaction/diagnostics.js';
export {
  afterCommit,
  afterCompletion,
  afterRollback,
  beforeCommit,
  type HookRegistration,
} from './transaction/hook-registration.js';
export type { HookOptions } from './transaction/hooks.js';
export { Propagation } from './transaction/propagation.js';
export type { LogSubject, TransactionLog } from './transaction/transaction-log.js';
export type {
  ErrorClass,
  ErrorSelector,
  IsolationLevel,
  TransactionOptions,
} from './transaction/transaction-options.js';
export type { RetryOptions } from './transaction/retry-policy.js';
export type { TransactionStatus } from './transaction/transaction-status.js';
export type { Outcome } from './transaction/transaction.js';
export { enlist, type EnlistOptions } from './typeorm/enlist.js';
export { findOrCreate, type FindOrCreateOptions } from './typeorm/find-or-create.js';
export { lockForUpdate, type RowLockOptions } from './typeorm/lock-for-update.js';
export type { NewRow } from './typeorm/new-row.js';
export type { OnLocked, RowLockMode } from './typeorm/row-lock.js';
export { TransactionManager, type ManagedWork, type RequestContext } from './typeorm/transaction-manager.js';
export { updateOrCreate, type RowUpdate } from './typeorm/update-or-create.js';
export {
  expectAbsence,
  expectVersion,
  forceIncrement,
  trackVersion,
  type VersionRegistration,
} from './typeorm/expect-version.js';
export { incrementVersioned, updateVersioned, type ExpectedVersion } from './typeorm/update-versioned.js';
export type { Version } from './typeorm/versions/version.js';
export {
  VersionPolicy,
  type MissingVersion,
  type VersionOptions,
  type VersionPolicyOptions,
} from './typeorm/versions/version-policy.decorator.js';
export {
  VersionedBy,
  versionedByOf,
  type RootOf,
  type VersionedByDeclaration,
} from './typeorm/versions/versioned-by.decorator.js';
