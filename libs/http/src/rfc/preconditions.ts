import {
  matchesStrongly,
  matchesWeakly,
  parseEntityTagList,
  type EntityTag,
  type EntityTagCondition,
} from './entity-tag.js';
import { parseHttpDate, toSeconds } from './http-date.js';

/** Header names in lower case, as Node gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The conditions of a request, parsed.
 *
 * @see RFC 9110 §13.1
 */
export interface Preconditions {
  readonly ifMatch?: EntityTagCondition | undefined;
  readonly ifNoneMatch?: EntityTagCondition | undefined;
  /** Absent also when the header is not a valid date. */
  readonly ifModifiedSince?: Date | undefined;
  /** Absent also when the header is not a valid date. */
  readonly ifUnmodifiedSince?: Date | undefined;
}

/**
 * What identifies the current representation.
 *
 * @see RFC 9110 §8.8
 */
export interface Validators {
  readonly entityTag?: EntityTag | undefined;
  readonly lastModified?: Date | undefined;
}

/**
 * What the preconditions ask for.
 *
 * - `proceed`: perform the method.
 * - `not-modified`: 304; the client has the current representation.
 * - `failed`: 412; the method must not be performed.
 */
export type Verdict = 'proceed' | 'not-modified' | 'failed';

/**
 * Reads the four conditional headers that apply to a whole representation. `If-Range` is not read: without range requests
 * it has to be ignored.
 *
 * @param now Decides the century of a date whose year has two digits. @defaultValue the present
 * @throws {@link HeaderSyntaxError} when `If-Match` or `If-None-Match` is malformed. Dates that are invalid are ignored.
 * @see RFC 9110 §13.1.1 to §13.1.5
 */
export function parsePreconditions(headers: RequestHeaders, now?: Date): Preconditions {
  return {
    ifMatch: parseEntityTagList('If-Match', headers['if-match']),
    ifNoneMatch: parseEntityTagList('If-None-Match', headers['if-none-match']),
    ifModifiedSince: parseSingleDate(headers['if-modified-since'], now),
    ifUnmodifiedSince: parseSingleDate(headers['if-unmodified-since'], now),
  };
}

/**
 * Evaluates preconditions in the order that RFC 9110 gives them.
 *
 * Ask only where the answer without them would be a 2xx or a 412 (§13.2.1): a GET of what does not exist is a 404, whatever
 * its `If-Match` says.
 *
 * @param current The validators of the current representation; `undefined` when there is none.
 * @see RFC 9110 §13.2.2
 * @example
 * ```ts
 * const preconditions = parsePreconditions(request.headers);
 * const verdict = evaluatePreconditions(request.method, preconditions, { entityTag: { isWeak: false, opaque: '7' } });
 * ```
 */
export function evaluatePreconditions(
  method: string,
  preconditions: Preconditions,
  current: Validators | undefined,
): Verdict {
  if (METHODS_WITHOUT_REPRESENTATION.has(method)) return 'proceed';
  if (!isUnchanged(preconditions, current)) return 'failed';
  const isRead = READS.has(method);
  if (isWanted(preconditions, current, isRead)) return 'proceed';
  return isRead ? 'not-modified' : 'failed';
}

/**
 * Whether the request says which state it means to change, so that it cannot undo what somebody else has written:
 * `If-Match`, `If-Unmodified-Since`, or `If-None-Match: *`, which can only create. A request without may be answered with 428.
 *
 * @see RFC 6585 §3
 */
export function hasWritePrecondition(preconditions: Preconditions): boolean {
  const { ifMatch, ifUnmodifiedSince, ifNoneMatch } = preconditions;
  return ifMatch !== undefined || ifUnmodifiedSince !== undefined || ifNoneMatch === '*';
}

/** Steps 1 and 2: does the client know the current state? `If-Match` is the more accurate of the two. */
function isUnchanged(
  { ifMatch, ifUnmodifiedSince }: Preconditions,
  current: Validators | undefined,
): boolean {
  if (ifMatch !== undefined) return isNamed(ifMatch, current, matchesStrongly);
  return ifUnmodifiedSince === undefined || isNotLater(current?.lastModified, ifUnmodifiedSince) !== false;
}

/** Steps 3 and 4: is the current state news to the client? `If-None-Match` is the more accurate of the two. */
function isWanted(
  { ifNoneMatch, ifModifiedSince }: Preconditions,
  current: Validators | undefined,
  isRead: boolean,
): boolean {
  if (ifNoneMatch !== undefined) return !isNamed(ifNoneMatch, current, matchesWeakly);
  return (
    !isRead || ifModifiedSince === undefined || isNotLater(current?.lastModified, ifModifiedSince) !== true
  );
}

function isNamed(
  condition: EntityTagCondition,
  current: Validators | undefined,
  matches: (one: EntityTag, other: EntityTag) => boolean,
): boolean {
  if (condition === '*') return current !== undefined;
  const tag = current?.entityTag;
  return tag !== undefined && condition.some((named) => matches(named, tag));
}

/** `undefined` where no modification date is known: a condition on it is ignored. */
function isNotLater(lastModified: Date | undefined, date: Date): boolean | undefined {
  return lastModified && toSeconds(lastModified) <= toSeconds(date);
}

/** More than one date is as good as none. */
function parseSingleDate(value: string | readonly string[] | undefined, now?: Date): Date | undefined {
  const [text, ...others] = typeof value === 'string' ? [value] : (value ?? []);
  return text === undefined || others.length > 0 ? undefined : parseHttpDate(text, now);
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

// They neither select nor modify a representation. RFC 9110 §13.2.1
const METHODS_WITHOUT_REPRESENTATION: ReadonlySet<string> = new Set(['CONNECT', 'OPTIONS', 'TRACE']);
