import { currentFrame } from '../context/current-frame.js';
import { InvalidOptionsError, NoTransactionError } from '../errors.js';
import { endedError } from './call-plan.js';
import { aBoolean, aString, checkOptions, type Schema } from './check-options.js';
import type { HookOptions, HookPhase } from './hooks.js';
import { type Outcome } from './transaction.js';
import { TransactionScope } from './transaction-scope.js';

/** Who can tell the transaction that surrounds the caller: the owner of the current frame. */
export interface ScopeSource {
  /** @param dataSource - a data source's name, the default one if left out */
  surroundingScope(dataSource?: string): TransactionScope | undefined;
}

/** Which transaction a hook is for, and how it is run. */
export interface HookRegistration extends HookOptions {
  /** The data source whose transaction is meant. @defaultValue the default one; without a transaction there, the innermost */
  readonly dataSource?: string;
}

/**
 * Runs `hook` before COMMIT is sent, inside the transaction: what it writes is stored with the rest, and when it throws,
 * everything is rolled back and the caller gets the error. Hooks run in order, each awaited.
 *
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 * @example
 * ```ts
 * beforeCommit(async () => ledger.assertBalanced());
 * ```
 */
export function beforeCommit(hook: () => unknown, options: Pick<HookRegistration, 'dataSource'> = {}): void {
  registerHook('beforeCommit', hook, options);
}

/**
 * Runs `hook` after the server has confirmed COMMIT, outside of the transaction and with its connection free. Hooks run in
 * order, each awaited before the transactional method returns; one that fails does not stop the others. The caller of the
 * method gets an `AfterCommitError` whose outcome is `committed`; the failure of a `robust` hook is only logged. A hook
 * registered in a savepoint that is rolled back is dropped, and so is one of a try that failed.
 *
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 * @see https://docs.djangoproject.com/en/5.2/topics/db/transactions/#performing-actions-after-commit
 * @example
 * ```ts
 * afterCommit(() => mailer.sendReceipt(order.id), { robust: true });
 * ```
 */
export function afterCommit(hook: () => unknown, options: HookRegistration = {}): void {
  registerHook('afterCommit', hook, options);
}

/**
 * Runs `hook` after the transaction was rolled back. Its failure is logged; the caller gets the error that caused the
 * rollback. Not run when the outcome is unknown.
 *
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 */
export function afterRollback(hook: () => unknown, options: Pick<HookRegistration, 'dataSource'> = {}): void {
  registerHook('afterRollback', hook, options);
}

/**
 * Runs `hook` when the transaction is over, whatever its outcome, after all other hooks. Its failure is logged.
 *
 * @param hook - gets `committed`, `rolled-back` or `unknown`
 * @throws NoTransactionError outside of any transaction
 * @throws TransactionEndedError when the transaction has ended
 */
export function afterCompletion(
  hook: (outcome: Outcome) => unknown,
  options: Pick<HookRegistration, 'dataSource'> = {},
): void {
  registerHook('afterCompletion', hook, options);
}

/** The scope that surrounds the caller, open or ended; `undefined` outside of any. */
export function scopeForHooks(dataSource?: string): TransactionScope | undefined {
  const frame = currentFrame();
  const scope = (frame?.owner as ScopeSource | undefined)?.surroundingScope(dataSource);
  if (scope !== undefined || dataSource !== undefined) return scope;
  // Only another data source than the default one has a transaction here: it is the one that is meant.
  let binding = frame?.binding;
  while (binding?.isNote) binding = binding.next;
  return binding?.value instanceof TransactionScope ? binding.value : undefined;
}

const HOOK_OPTIONS: Schema<HookRegistration> = { robust: aBoolean, dataSource: aString };

function registerHook(
  phase: HookPhase,
  hook: (outcome: Outcome) => unknown,
  options: HookRegistration,
): void {
  if (typeof hook !== 'function') throw new InvalidOptionsError(`${phase}() takes a function.`, phase);
  checkOptions(`${phase}()`, options, HOOK_OPTIONS);
  const scope = scopeForHooks(options.dataSource);
  if (scope === undefined) throw new NoTransactionError(`${phase}()`);
  if (!scope.isOpen) throw endedError(`${phase}()`, scope);
  scope.hooks.register(phase, hook, options);
}
