import { STATUS_CODES } from 'node:http';

/** The media type of {@link ProblemDetails} as JSON. RFC 9457 §3 */
export const PROBLEM_JSON = 'application/problem+json';

/**
 * Why a request failed, for programs and for people.
 *
 * @see RFC 9457 §3
 */
export interface ProblemDetails {
  /** A URI that names the kind of problem; `about:blank` where the status says all. */
  readonly type: string;
  /** The kind of problem in a few words, the same at each occurrence. */
  readonly title: string;
  /** The status code of the response. */
  readonly status: number;
  /** What happened this time, and what the client can do about it. */
  readonly detail?: string;
  /** A URI that names this occurrence. */
  readonly instance?: string;
  readonly [extension: string]: unknown;
}

/** What {@link problemDetails} is made from. */
export interface ProblemFacts {
  /** The status code of the response. */
  readonly status: number;
  /** @defaultValue `'about:blank'` */
  readonly type?: string | undefined;
  /** @defaultValue the phrase of the status, e.g. `Precondition Failed` */
  readonly title?: string | undefined;
  readonly detail?: string | undefined;
  readonly instance?: string | undefined;
  /** Further members. What is `undefined` is left out. */
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Puts problem details together: the standard members first and always in the same order, then the extensions as they come,
 * without what is `undefined`.
 *
 * @throws RangeError when the status is none of HTTP.
 * @throws TypeError when an extension takes the name of a standard member, or a name that other formats than JSON cannot carry.
 * @see RFC 9457 §3.1, §3.2
 * @example
 * ```ts
 * problemDetails({ status: 409, detail: 'Only 3 are left.', extensions: { available: 3 } });
 * // { type: 'about:blank', title: 'Conflict', status: 409, detail: 'Only 3 are left.', available: 3 }
 * ```
 */
export function problemDetails(facts: ProblemFacts): ProblemDetails {
  const { type = 'about:blank', status, detail, instance, extensions = {} } = facts;
  requireStatus(status);
  Object.keys(extensions).forEach(requireExtensionName);
  const title = facts.title ?? phraseOf(status);
  return { type, title, status, ...withoutUndefined({ detail, instance }), ...withoutUndefined(extensions) };
}

/** An unknown status means what the first one of its class means. RFC 9110 §15 */
function phraseOf(status: number): string {
  return STATUS_CODES[status] ?? STATUS_CODES[status - (status % 100)] ?? '';
}

function requireStatus(status: number): void {
  if (Number.isInteger(status) && status >= 100 && status <= 599) return;
  throw new RangeError(`${status} is not a status code. Problem details need one from 100 to 599.`);
}

function requireExtensionName(name: string): void {
  if (STANDARD_MEMBERS.has(name)) {
    throw new TypeError(`An extension cannot be called ${name}: the standard member has this name.`);
  }
  // It also keeps `__proto__` out, and numbers, which would come first in the serialisation.
  if (!/^[A-Za-z][A-Za-z0-9_]{2,}$/.test(name)) {
    throw new TypeError(
      `An extension cannot be called ${JSON.stringify(name)}. Use a letter, then at least two letters, digits or underscores.`,
    );
  }
}

function withoutUndefined(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

const STANDARD_MEMBERS: ReadonlySet<string> = new Set(['type', 'title', 'status', 'detail', 'instance']);
