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
  NoTransactionError,
  NotManagedError,
  OutcomeUnknownError,
  PropagationError,
  RetriesExhaustedError,
  SelfDeadlockError,
  ShutdownError,
  TransactionControlError,
  TransactionEndedError,
  TransactionError,
  TransactionTimeoutError,
  UnexpectedRollbackError,
  type ErrorOutcome,
  type TransactionErrorFacts,
} from './errors.js';
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
export { TransactionManager, type ManagedWork, type RequestContext } from './typeorm/transaction-manager.js';
