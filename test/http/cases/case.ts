/** What there is before the request. */
export type Given =
  /** At version 3, called Moby-Dick, changed last at {@link MODIFIED}. */
  | 'a book'
  | 'a soft-deleted book'
  /** At version 3, with one volume of the same id. */
  | 'a shelf'
  | 'nothing';

/** One request, and what has to be answered. `{id}` stands for the id of what is given. */
export interface Case {
  readonly name: string;
  readonly given: Given;
  /** e.g. `GET /books/{id}`. */
  readonly request: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** A text is sent as it is, all else as JSON. */
  readonly body?: unknown;
  readonly answer: Expected;
  /** The book's title afterwards; `null` where there is no book. @defaultValue what `answer` makes one expect */
  readonly stored?: string | null;
}

/** Of the headers that matter, those that are not named must not be there. */
export interface Expected {
  readonly status: number;
  readonly said: Readonly<Record<string, string>>;
  /** Part of the JSON; a text is the whole content. */
  readonly content: unknown;
}

/** Whole seconds are all that a header can tell. */
export const MODIFIED = '1994-11-06T08:49:37.250Z';
export const LAST_MODIFIED = 'Sun, 06 Nov 1994 08:49:37 GMT';
export const EARLIER = 'Sun, 06 Nov 1994 08:49:36 GMT';
export const LATER = 'Sun, 06 Nov 1994 08:49:38 GMT';
export const RFC850 = 'Sunday, 06-Nov-94 08:49:37 GMT';
export const ASCTIME = 'Sun Nov  6 08:49:37 1994';

/** The time of the test, wherever it stands. */
export const NOW = '<now>';

export const VALIDATORS = {
  etag: '"3"',
  'last-modified': LAST_MODIFIED,
  'cache-control': 'private, no-cache',
};

type Asked = Pick<Case, 'request' | 'headers' | 'body'>;

export function ask(request: string, headers: Case['headers'] = {}, body?: unknown): Asked {
  return { request, headers, body };
}

/** When that is asked of what there usually is at such a path, this is answered. */
export function on(name: string, asked: Asked, answer: Expected): Case {
  return { name, given: isOfShelf(asked) ? 'a shelf' : 'a book', ...asked, answer };
}

/** Or else of a book. */
export function isOfShelf({ request }: Pick<Case, 'request'>): boolean {
  return /\/(?:shelves|volumes)/.test(request);
}

export function absent(one: Case): Case {
  return { ...one, given: 'nothing' };
}

export function softDeleted(one: Case): Case {
  return { ...one, given: 'a soft-deleted book' };
}

export function leaving(stored: string | null, one: Case): Case {
  return { ...one, stored };
}

export function ok(content: unknown, said: Expected['said'] = VALIDATORS): Expected {
  const type = typeof content === 'string' ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8';
  return { status: 200, said: content === '' ? said : { 'content-type': type, ...said }, content };
}

/** What a successful PUT or PATCH answers. */
export function changed(title: string, { at = '/books/{id}', tag = '"4"' } = {}): Expected {
  const said = { etag: tag, 'last-modified': NOW, 'content-location': at };
  return ok({ id: '{id}', title, version: 4 }, said);
}

export function notModified(said: Expected['said'] = VALIDATORS): Expected {
  return { status: 304, said, content: '' };
}

export function empty(status: number, said: Expected['said'] = {}): Expected {
  return { status, said, content: '' };
}

/** Problem details; `said` beside what every one of them says. */
export function problem(
  status: number,
  members: Readonly<Record<string, unknown>> = {},
  said: Expected['said'] = {},
): Expected {
  const isOfMoment = status === 412 || status === 428;
  const always = {
    'content-type': 'application/problem+json',
    ...(isOfMoment && { 'cache-control': 'no-store' }),
  };
  return { status, said: { ...always, ...said }, content: { status, ...members } };
}

export const STALE = problem(412, { code: 'PRECONDITION_FAILED', currentVersion: 3 });
export const ABSENT = problem(412, { code: 'PRECONDITION_FAILED' });
export const REQUIRED = problem(428, { code: 'PRECONDITION_REQUIRED' });
export const MISSING = problem(404, { title: 'Not Found' });
export const INVALID = problem(400, { errors: ['title must be longer than or equal to 1 characters'] });

export const MALFORMED = problem(400, { code: 'MALFORMED_HEADER' });
