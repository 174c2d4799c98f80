import type { IsolationLevel } from '@nest-transactional/core';
import {
  aBoolean,
  aDuration,
  aFunction,
  aString,
  checkOptions,
  listOf,
  oneOf,
  type Expectation,
  type Schema,
} from '@nest-transactional/core/options';

/** By which the defaults of `@Idempotent()` are injected. */
export const IDEMPOTENCY_OPTIONS = Symbol('IdempotencyOptions');

/** What `@Idempotent()` takes; everything may be left out. */
export interface IdempotentOptions {
  /** How long a response is kept for repeated requests, in milliseconds. @defaultValue `86_400_000` (a day) */
  readonly ttlMs?: number;
  /** Whether a request without a key is refused with 400; else it is handled as if undecorated. @defaultValue `true` */
  readonly required?: boolean;
  /**
   * Whose key it is, e.g. the id of the authenticated user: two callers' equal keys then have nothing to do with each other. It
   * is called with the request, as Express or Fastify gives it. @defaultValue one scope for all callers
   */
  readonly scope?: (request: never) => string;
  /**
   * Further header fields of the response that are stored and sent again, beside `Content-Type`, `ETag`, `Last-Modified`,
   * `Location`, `Content-Location`, `Content-Language`, `Cache-Control` and `Link`. @defaultValue `[]`
   */
  readonly replayedHeaders?: readonly string[];
  /**
   * The isolation level of the transaction. The look for the key begins it, so what the handler calls can no longer ask for one.
   * @defaultValue that of the module's `defaults`, else the server's
   */
  readonly isolation?: IsolationLevel;
  /** The data source that keys are stored in: the one of the effect. @defaultValue the default one */
  readonly dataSource?: string;
}

/** The defaults of all `@Idempotent()` handlers, and what is done for all of them together. */
export interface IdempotencyOptions extends IdempotentOptions {
  /** How often expired responses are deleted, in milliseconds. @defaultValue never; call `IdempotencyRecords.deleteExpired()` */
  readonly cleanUpEveryMs?: number;
}

/** No timer measures it, so it may be longer than one can. */
const aTimeToLive: Expectation = {
  expected: 'a whole number of milliseconds above 0',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};

const IDEMPOTENT: Schema<IdempotentOptions> = {
  ttlMs: aTimeToLive,
  required: aBoolean,
  scope: aFunction,
  replayedHeaders: listOf(aString, 0),
  isolation: oneOf('READ UNCOMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
  dataSource: aString,
};

const IDEMPOTENCY: Schema<IdempotencyOptions> = { ...IDEMPOTENT, cleanUpEveryMs: aDuration };

/** @throws InvalidOptionsError for an unknown option or an ill-typed value */
export function checkIdempotentOptions(
  where: string,
  options: unknown,
): asserts options is IdempotentOptions {
  checkOptions(where, options, IDEMPOTENT);
}

/** @throws InvalidOptionsError for an unknown option or an ill-typed value */
export function checkIdempotencyOptions(
  where: string,
  options: unknown,
): asserts options is IdempotencyOptions {
  checkOptions(where, options, IDEMPOTENCY);
}
