import { OptimisticLockError, TransactionError } from '../errors.js';
import { withoutUndefined } from './without-undefined.js';

/** When and how often a transaction is tried again. */
export interface RetryOptions {
  /** How often it is tried again; the first try does not count. @defaultValue `3` */
  readonly maxRetries?: number;
  /** The longest pause before the first retry, in milliseconds. @defaultValue `20` */
  readonly delayMs?: number;
  /** No pause is longer, in milliseconds. @defaultValue `1000` */
  readonly maxDelayMs?: number;
  /** How much longer each pause may be than the one before it. @defaultValue `2` */
  readonly multiplier?: number;
  /**
   * Whether each pause is drawn at random between nothing and its longest, so that those who collided once do not collide
   * again. @defaultValue `true`
   * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
   */
  readonly jitter?: boolean;
  /**
   * Whether the next try begins by locking the row that the last one met a conflict at (`FOR NO KEY UPDATE`, in the round
   * trip of its first statement), so that it does not meet the next one there. At READ COMMITTED it then begins without a
   * pause: it waits in the row's queue. @defaultValue `true`
   */
  readonly lockConflictingRow?: boolean;
  /** Errors to try again after, besides serialization failures, deadlocks and optimistic conflicts. @defaultValue none */
  readonly on?: (error: unknown) => boolean;
}

export type RetryPolicy = Required<Omit<RetryOptions, 'on'>> & Pick<RetryOptions, 'on'>;

const DEFAULTS = {
  maxRetries: 3,
  delayMs: 20,
  maxDelayMs: 1000,
  multiplier: 2,
  jitter: true,
  lockConflictingRow: true,
} as const;

/** The policy that the `retry` option means; `undefined` for none. */
export function retryPolicyOf(retry: number | false | RetryOptions | undefined): RetryPolicy | undefined {
  if (retry === undefined || retry === false || retry === 0) return undefined;
  const policy = {
    ...DEFAULTS,
    ...(typeof retry === 'number' ? { maxRetries: retry } : withoutUndefined(retry)),
  };
  return policy.maxRetries > 0 ? policy : undefined;
}

/** The pause before retry number `retry` (from 1), in milliseconds. */
export function pauseBefore(retry: number, policy: RetryPolicy, random: () => number): number {
  const longest = Math.min(policy.maxDelayMs, policy.delayMs * policy.multiplier ** (retry - 1));
  return policy.jitter ? random() * longest : longest;
}

/**
 * Whether a transaction that failed with `error` may be tried again. What the server said *first* counts: 25P02 and
 * wrapping errors only follow from it. Never after something may be committed.
 *
 * @param firstFailure - the first error that the server reported in the transaction, if any
 */
export function isWorthRetrying(error: unknown, firstFailure: unknown, policy: RetryPolicy): boolean {
  const told = error instanceof TransactionError ? error : undefined;
  if (told?.outcome === 'unknown' || told?.outcome === 'committed') return false;
  const sqlState = sqlStateOf(firstFailure) ?? sqlStateOf(error);
  if (sqlState === '40001' || sqlState === '40P01') return true;
  if (conflictIn(error)?.retryable) return true;
  return policy.on?.(error) ?? false;
}

/** The conflict that `error` is, or that led to it. */
export function conflictIn(error: unknown, depth = 0): OptimisticLockError | undefined {
  if (!(error instanceof Error) || depth > LONGEST_CHAIN) return undefined;
  return error instanceof OptimisticLockError ? error : conflictIn(error.cause, depth + 1);
}

/** No chain of causes that means anything is longer; one that closes on itself is endless. */
const LONGEST_CHAIN = 16;

/** The SQLSTATE in `error`, its driver error, or its causes: the innermost is the first failure. */
export function sqlStateOf(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > LONGEST_CHAIN) return undefined;
  const { cause, driverError } = error as { cause?: unknown; driverError?: unknown };
  const inner = sqlStateOf(cause, depth + 1) ?? sqlStateOf(driverError, depth + 1);
  if (inner !== undefined) return inner;
  const { code, severity } = error as { code?: unknown; severity?: unknown };
  return typeof code === 'string' && severity !== undefined ? code : undefined;
}
