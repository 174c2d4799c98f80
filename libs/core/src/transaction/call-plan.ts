import { IncompatibleOptionsError, PropagationError, TransactionEndedError } from '../errors.js';
import {
  decidePropagation,
  type Propagation,
  type PropagationPlan,
  type Surroundings,
} from './propagation.js';
import { redefinedBy } from './provisional-definition.js';
import { retryPolicyOf } from './retry-policy.js';
import type { TransactionDefinition } from './transaction-options.js';
import { TransactionScope } from './transaction-scope.js';

/** Bound in a frame whose surrounding transaction is suspended. */
export class Suspension {
  constructor(
    /** What is suspended; `undefined` for work that belongs to no transaction at all. */
    readonly scope: TransactionScope | undefined,
  ) {}
}

/** What a frame says about one data source. */
export type Level = TransactionScope | Suspension | undefined;

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
    if (plan === 'join') letDecide(definition, level);
    if (plan === 'join' || plan === 'savepoint') checkCompatible(definition, level);
  }
  if (plan === 'refuse') throw refusal(definition);
  return plan;
}

/** Whether a call asks for nothing that a transaction which it could join might not have. */
export function joinsFreely({ propagation, asked }: TransactionDefinition): boolean {
  const isJoining = propagation === 'REQUIRED' || propagation === 'SUPPORTS' || propagation === 'MANDATORY';
  const demands = [asked.isolation, asked.deferrable, asked.timeoutMs, retryPolicyOf(asked.retry)];
  return isJoining && demands.every((demand) => demand === undefined);
}

/** The error for `what` (a call or a statement) that came after the end of the transaction it belongs to. */
export function endedError(what: string, scope: TransactionScope): TransactionEndedError {
  const { transaction } = scope;
  return transaction.identified(
    new TransactionEndedError(transaction.toString(), {
      what,
      outcome: transaction.outcome,
      cause: scope.firstFailure ?? transaction.interruption,
    }),
  );
}

function surroundingsOf(level: Level): Surroundings {
  if (level === undefined) return 'none';
  return level instanceof Suspension ? 'suspended' : 'open';
}

/** These two never touch the surrounding transaction, so it does not matter that it has ended. */
function separatesItself(propagation: Propagation): boolean {
  return propagation === 'REQUIRES_NEW' || propagation === 'NOT_SUPPORTED';
}

/** A call that joins a provisional transaction has a say in what it is. SUPPORTS makes no demand. */
function letDecide(call: TransactionDefinition, { transaction }: TransactionScope): void {
  if (!transaction.definition.isProvisional || call.propagation === 'SUPPORTS') return;
  transaction.redefine(redefinedBy(call, transaction));
}

function checkCompatible(call: TransactionDefinition, scope: TransactionScope): void {
  // SUPPORTS makes no demand: it would run without any transaction, too.
  if (call.propagation === 'SUPPORTS') return;
  const { asked } = call;
  const { definition: current, deadline } = scope.transaction;
  const conflict = (option: Conflicting, requested: unknown, has: unknown): IncompatibleOptionsError =>
    new IncompatibleOptionsError(option, {
      requested,
      current: has,
      caller: call.label,
      transaction: scope.transaction.toString(),
    });
  if (asked.isolation !== undefined && asked.isolation !== (current.isolation ?? 'READ COMMITTED')) {
    throw conflict('isolation', asked.isolation, current.isolation ?? "the server's default");
  }
  // Of a request's READ ONLY transaction, the server refuses what is really written.
  const isWriter = current.isProvisional ? asked.readOnly === false : !call.readOnly;
  if (current.readOnly && isWriter) throw conflict('readOnly', false, true);
  if (asked.deferrable === true && !current.deferrable) throw conflict('deferrable', true, false);
  if (asked.timeoutMs !== undefined && deadline !== undefined && asked.timeoutMs > deadline.remainingMs) {
    throw conflict('timeoutMs', asked.timeoutMs, Math.max(0, Math.round(deadline.remainingMs)));
  }
  // A savepoint cannot cure a serialization failure, so only who begins the transaction can try again.
  if (retryPolicyOf(asked.retry) !== undefined && !current.isProvisional)
    throw conflict('retry', 'of its own', 'of its beginner');
}

type Conflicting = 'isolation' | 'readOnly' | 'deferrable' | 'timeoutMs' | 'retry';

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
