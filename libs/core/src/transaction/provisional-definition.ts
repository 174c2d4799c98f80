import { retryPolicyOf, type RetryPolicy } from './retry-policy.js';
import type { TransactionDefinition } from './transaction-options.js';
import type { Transaction } from './transaction.js';

/**
 * What a provisional transaction is once `call` has joined it. Nobody could know before what the request would need, so the
 * first call that asks for an isolation level gets it as long as BEGIN was not sent, and a call that would retry by itself is
 * retried with everything around it.
 */
export function redefinedBy(call: TransactionDefinition, transaction: Transaction): TransactionDefinition {
  const { definition: current, hasBegun } = transaction;
  const { isolation, deferrable } = call.asked;
  const isDecided = hasBegun || current.asked.isolation !== undefined;
  const beginning =
    isDecided || isolation === undefined
      ? {}
      : { isolation, deferrable: deferrable ?? current.deferrable, asked: { ...current.asked, isolation } };
  // Of a request that is not to be made again, nothing inside it can ask for that.
  const isRefused = current.asked.retry === false || (call.isProvisional && call.asked.retry === false);
  const retry = isRefused ? undefined : morePatient(current.retry, retryPolicyOf(call.asked.retry));
  const asked = { ...(beginning.asked ?? current.asked), ...(isRefused && { retry: false as const }) };
  return Object.freeze({ ...current, ...beginning, asked, retry });
}

/** The policy that tries more often, for every reason that one of them knows. */
function morePatient(one: RetryPolicy | undefined, other: RetryPolicy | undefined): RetryPolicy | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const patient = other.maxRetries > one.maxRetries ? other : one;
  const on = (error: unknown): boolean => one.on?.(error) === true || other.on?.(error) === true;
  return { ...patient, on };
}
