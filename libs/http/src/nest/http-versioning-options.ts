import {
  aBoolean,
  aFunction,
  anObject,
  aString,
  aCount,
  checkOptions,
  either,
  oneOf,
  type Schema,
} from '@nest-transactional/core/options';
import { checkIdempotencyOptions, type IdempotencyOptions } from '../idempotency/idempotency-options.js';

/** By which the options of `HttpVersioningModule` are injected. */
export const HTTP_VERSIONING_OPTIONS = Symbol('HttpVersioningOptions');

/** How errors are told to the client. */
export interface ProblemDetailsOptions {
  /** What stands before the error's name in `type`, e.g. `https://api.example.com/errors/`. @defaultValue `'urn:nest-transactional:error:'` */
  readonly typeBase?: string;
  /** What `Retry-After` says on a 503, in seconds. @defaultValue `1` */
  readonly retryAfterSeconds?: number;
  /**
   * Whether `currentVersion` stands in a 412 or 409: whoever may write a row may, as a rule, read its version. A function gets the
   * request, as Express or Fastify gives it. @defaultValue `true`
   */
  readonly showCurrentVersion?: boolean | ((request: never) => boolean);
}

/** What is done with entity tags in the application as a whole. */
export interface EtagOptions {
  /**
   * `off`: Express makes no entity tags of its own. They are hashes of the body, and would mix with those of versions.
   * @defaultValue `'off'`
   */
  readonly expressEtag?: 'off' | 'keep';
}

/** What `HttpVersioningModule.forRoot()` takes; everything may be left out. */
export interface HttpVersioningOptions {
  /**
   * Whether PUT, PATCH and DELETE of a versioned resource without `If-Match` or `If-Unmodified-Since` are refused with 428.
   * @defaultValue `false`
   */
  readonly requirePrecondition?: boolean;
  readonly etag?: EtagOptions;
  /** Whether, and how, errors of the whole application are answered as `application/problem+json`. @defaultValue `true` */
  readonly problemDetails?: boolean | ProblemDetailsOptions;
  /** The defaults of `@Idempotent()`. */
  readonly idempotency?: IdempotencyOptions;
}

const aGroup = anObject('an object of options');

const OPTIONS: Schema<HttpVersioningOptions> = {
  requirePrecondition: aBoolean,
  etag: aGroup,
  problemDetails: either(aBoolean, aGroup),
  idempotency: aGroup,
};

const ETAG: Schema<EtagOptions> = { expressEtag: oneOf('off', 'keep') };

const PROBLEM_DETAILS: Schema<ProblemDetailsOptions> = {
  typeBase: aString,
  retryAfterSeconds: aCount,
  showCurrentVersion: either(aBoolean, aFunction),
};

/** @throws InvalidOptionsError for an unknown option, naming the nearest one, or an ill-typed value */
export function checkHttpVersioningOptions(options: unknown): asserts options is HttpVersioningOptions {
  const where = 'HttpVersioningModule.forRoot()';
  checkOptions(where, options, OPTIONS);
  const { etag, problemDetails, idempotency } = options;
  if (etag !== undefined) checkOptions(`${where} etag`, etag, ETAG);
  if (typeof problemDetails === 'object')
    checkOptions(`${where} problemDetails`, problemDetails, PROBLEM_DETAILS);
  if (idempotency !== undefined) checkIdempotencyOptions(`${where} idempotency`, idempotency);
}
