export { asyncLocalStorageNamespace } from './context/async-local-storage-namespace.js';
export type { ContextNamespace } from './context/context-namespace.js';
export type { Frame } from './context/frame.js';
export {
  CannotCreateTransactionError,
  IncompatibleOptionsError,
  InvalidOptionsError,
  NotManagedError,
  OutcomeUnknownError,
  PropagationError,
  TransactionControlError,
  TransactionEndedError,
  TransactionError,
  UnexpectedRollbackError,
  type ErrorOutcome,
  type TransactionErrorFacts,
} from './errors.js';
export { Transactional } from './nest/transactional.decorator.js';
export { TransactionalModule, type TransactionalModuleOptions } from './nest/transactional.module.js';
export { Propagation } from './transaction/propagation.js';
export type { LogSubject, TransactionLog } from './transaction/transaction-log.js';
export type {
  ErrorClass,
  ErrorSelector,
  IsolationLevel,
  TransactionOptions,
} from './transaction/transaction-options.js';
export type { TransactionStatus } from './transaction/transaction-status.js';
export { enlist, type EnlistOptions } from './typeorm/enlist.js';
export { TransactionManager, type ManagedWork, type RequestContext } from './typeorm/transaction-manager.js';
