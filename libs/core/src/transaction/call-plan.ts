import { IncompatibleOptionsError, PropagationError, TransactionEndedError } from '../errors.js';
import {
  decidePropagation,
  type Propagation,
  type PropagationPlan,
  type Surroundings,
} from './propagation.js';
import type { TransactionDefinition } from './transaction-options.js';
import { TransactionScope } from './transaction.js';

/** Bound in a frame whose surrounding transaction is suspended. */
export const SUSPENDED = Symbol('suspended');

/** What a frame says about one data source. */
export type Level = TransactionScope | typeof SUSPENDED | undefined;

/** What is done with a call that is not refused. */
export type CallPlan = Exclude<PropagationPlan, 'refuse'>;

/**
 * What to do with a call, decided before any user code runs.
 *
 * @throws TransactionEndedError for a call that would join a transaction that has ended
 * @throws PropagationError for MANDATORY without and NEVER inside a transaction
 * @throws IncompatibleOptionsError for a call that asks for something the surrounding transaction is not
 */
export function planCall(
  definition: TransactionDefinition,
  level: Level,
): Exclude<PropagationPlan, 'refuse'> {
  const { propagation } = definition;
  const plan = decidePropagation(propagation, surroundingsOf(level));
  if (level instanceof TransactionScope) {
    if (!level.isOpen && !separatesItself(propagation)) throw endedError(definition.label, level);
    if (plan === 'join' || plan === 'savepoint') checkCompatible(definition, level);
  }
  if (plan === 'refuse') throw refusal(definition);
  return plan;
}

/** The error for `what` (a call or a statement) that came after the end of the transaction it belongs to. */
export function endedError(what: string, scope: TransactionScope): TransactionEndedError {
  const { transaction } = scope;
  const error = new TransactionEndedError(transaction.toString(), {
    what,
    outcome: transaction.outcome,
    cause: scope.firstFailure,
  });
  if (transaction.requestId !== undefined) error.requestId = transaction.requestId;
  return error;
}

function surroundingsOf(level: Level): Surroundings {
  if (level === undefined) return 'none';
  return level === SUSPENDED ? 'suspended' : 'open';
}

/** These two never touch the surrounding transaction, so it does not matter that it has ended. */
function separatesItself(propagation: Propagation): boolean {
  return propagation === 'REQUIRES_NEW' || propagation === 'NOT_SUPPORTED';
}

function checkCompatible(asked: TransactionDefinition, scope: TransactionScope): void {
  // SUPPORTS makes no demand: it would run without any transaction, too.
  if (asked.propagation === 'SUPPORTS') return;
  const current = scope.transaction.definition;
  if (asked.isolation !== undefined && asked.isolation !== (current.isolation ?? 'READ COMMITTED')) {
    throw incompatible('isolation', asked, scope);
  }
  if (current.readOnly && !asked.readOnly) throw incompatible('readOnly', asked, scope);
  if (asked.deferrable && !current.deferrable) throw incompatible('deferrable', asked, scope);
}

function incompatible(
  option: 'isolation' | 'readOnly' | 'deferrable',
  asked: TransactionDefinition,
  scope: TransactionScope,
): IncompatibleOptionsError {
  return new IncompatibleOptionsError(option, {
    requested: asked[option],
    current: scope.transaction.definition[option] ?? "of the server's default",
    caller: asked.label,
    transaction: scope.transaction.toString(),
  });
}

function refusal({ label, propagation }: TransactionDefinition): PropagationError {
  return propagation === 'MANDATORY'
    ? new PropagationError(
        `${label} is MANDATORY, but no transaction surrounds the call. Call it from a @Transactional() method.`,
        propagation,
      )
    : new PropagationError(
        `${label} is NEVER, but a transaction surrounds the call. Call it from outside, or use NOT_SUPPORTED.`,
        propagation,
      );
}
