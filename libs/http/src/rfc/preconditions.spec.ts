import { describe, expect, it } from '@jest/globals';
import { HeaderSyntaxError } from './header-syntax-error.js';
import {
  evaluatePreconditions,
  hasWritePrecondition,
  parsePreconditions,
  type RequestHeaders,
  type Validators,
  type Verdict,
} from './preconditions.js';

const BEFORE = 'Sun, 01 Mar 2026 11:59:59 GMT';
const SAME = 'Sun, 01 Mar 2026 12:00:00 GMT';
const AFTER = 'Sun, 01 Mar 2026 12:00:01 GMT';
const lastModified = new Date('2026-03-01T12:00:00.700Z');

const current: Validators = { entityTag: { isWeak: false, opaque: '7' }, lastModified };
const weak: Validators = { entityTag: { isWeak: true, opaque: '7' }, lastModified };
const undated: Validators = { entityTag: { isWeak: false, opaque: '7' } };
const untagged: Validators = { lastModified };
const absent = undefined;

const READS = ['GET', 'HEAD'];
const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE'];
const METHODS = [...READS, ...WRITES];

describe.each(METHODS)('RFC 9110 §13.1.1: If-Match of a %s', (method) => {
  it.each<[string, string, Validators | undefined, Verdict]>([
    ['is true for * when there is a current representation', '*', current, 'proceed'],
    ['is true for * also when the representation has no tag', '*', untagged, 'proceed'],
    ['is false for * when there is no current representation', '*', absent, 'failed'],
    ['is true when the only tag matches', '"7"', current, 'proceed'],
    ['is true when any tag of the list matches', '"5", W/"6", "7"', current, 'proceed'],
    ['is false when no tag of the list matches', '"5", "6"', current, 'failed'],
    ['is false for tags when there is no current representation', '"7"', absent, 'failed'],
    ['is false for tags when the representation has none', '"7"', untagged, 'failed'],
    ['compares strongly: a weak tag of the client never matches', 'W/"7"', current, 'failed'],
    ['compares strongly: a weak tag of the server never matches', '"7"', weak, 'failed'],
    ['compares strongly: not even equal weak tags match', 'W/"7"', weak, 'failed'],
  ])('%s', (_sentence, ifMatch, representation, verdict) => {
    expect(evaluate(method, { 'if-match': ifMatch }, representation)).toBe(verdict);
  });
});

describe('RFC 9110 §13.1.2: If-None-Match', () => {
  const refusals: [string, Verdict][] = [
    ...READS.map((method): [string, Verdict] => [method, 'not-modified']),
    ...WRITES.map((method): [string, Verdict] => [method, 'failed']),
  ];

  describe.each(refusals)('of a %s that is false means %s', (method, refused) => {
    it.each<[string, string, Validators | undefined, boolean]>([
      ['is false for * when there is a current representation', '*', current, false],
      ['is false for * also when the representation has no tag', '*', untagged, false],
      ['is true for * when there is no current representation', '*', absent, true],
      ['is false when the only tag matches', '"7"', current, false],
      ['is false when any tag of the list matches', '"5", "6", "7"', current, false],
      ['is true when no tag of the list matches', '"5", "6"', current, true],
      ['is true for tags when there is no current representation', '"7"', absent, true],
      ['is true for tags when the representation has none', '"7"', untagged, true],
      ['compares weakly: a weak tag of the client matches', 'W/"7"', current, false],
      ['compares weakly: a weak tag of the server matches', '"7"', weak, false],
      ['compares weakly: equal weak tags match', 'W/"7"', weak, false],
      ['compares weakly: other weak tags do not match', 'W/"8"', weak, true],
    ])('%s', (_sentence, ifNoneMatch, representation, isTrue) => {
      expect(evaluate(method, { 'if-none-match': ifNoneMatch }, representation)).toBe(
        isTrue ? 'proceed' : refused,
      );
    });
  });
});

describe('RFC 9110 §13.1.3: If-Modified-Since', () => {
  it.each<[string, string, Verdict]>([
    ['is true when the representation changed after the date', BEFORE, 'proceed'],
    ['is false when it changed at the date', SAME, 'not-modified'],
    ['is false when it changed before the date', AFTER, 'not-modified'],
  ])('%s', (_sentence, date, verdict) => {
    for (const method of READS)
      expect(evaluate(method, { 'if-modified-since': date }, current)).toBe(verdict);
  });

  it.each(WRITES)('is ignored when the method is neither GET nor HEAD, but %s', (method) => {
    expect(evaluate(method, { 'if-modified-since': AFTER }, current)).toBe('proceed');
  });

  it('is ignored when the request has If-None-Match', () => {
    const headers = { 'if-none-match': '"6"', 'if-modified-since': AFTER };
    expect(evaluate('GET', headers, current)).toBe('proceed');
    expect(
      evaluate('GET', { ...headers, 'if-none-match': '"7"', 'if-modified-since': BEFORE }, current),
    ).toBe('not-modified');
  });

  it.each([undated, absent])('is ignored when no modification date is available: %p', (representation) => {
    expect(evaluate('GET', { 'if-modified-since': AFTER }, representation)).toBe('proceed');
  });

  it.each<[string | string[]]>([
    ['2026-03-01T12:00:01Z'],
    [''],
    [[AFTER, AFTER]],
    [`${AFTER}, ${AFTER}`],
    [[]],
  ])('is ignored when it is not one valid date: %p', (value) => {
    expect(evaluate('GET', { 'if-modified-since': value }, current)).toBe('proceed');
  });

  it('may come as the only line of an array', () => {
    expect(evaluate('GET', { 'if-modified-since': [AFTER] }, current)).toBe('not-modified');
  });
});

describe.each(METHODS)('RFC 9110 §13.1.4: If-Unmodified-Since of a %s', (method) => {
  it.each<[string, string, Verdict]>([
    ['is false when the representation changed after the date', BEFORE, 'failed'],
    ['is true when it changed at the date', SAME, 'proceed'],
    ['is true when it changed before the date', AFTER, 'proceed'],
  ])('%s', (_sentence, date, verdict) => {
    expect(evaluate(method, { 'if-unmodified-since': date }, current)).toBe(verdict);
  });

  it('is ignored when the request has If-Match', () => {
    expect(evaluate(method, { 'if-match': '"7"', 'if-unmodified-since': BEFORE }, current)).toBe('proceed');
    expect(evaluate(method, { 'if-match': '"6"', 'if-unmodified-since': AFTER }, current)).toBe('failed');
  });

  it.each([undated, absent])('is ignored when no modification date is available: %p', (representation) => {
    expect(evaluate(method, { 'if-unmodified-since': BEFORE }, representation)).toBe('proceed');
  });

  it.each<[string | string[]]>([['2026-03-01'], [''], [[BEFORE, BEFORE]], [`${BEFORE}, ${BEFORE}`]])(
    'is ignored when it is not one valid date: %p',
    (value) => {
      expect(evaluate(method, { 'if-unmodified-since': value }, current)).toBe('proceed');
    },
  );
});

describe('RFC 9110 §13.1.5: If-Range', () => {
  it.each(['"6"', '"7"', AFTER, 'malformed'])('is ignored without range requests: %s', (ifRange) => {
    expect(evaluate('GET', { 'if-range': ifRange, range: 'bytes=0-1' }, current)).toBe('proceed');
  });
});

describe('RFC 9110 §13.2.1: preconditions', () => {
  it.each(['CONNECT', 'OPTIONS', 'TRACE'])(
    'are ignored by %s, which neither selects nor modifies a representation',
    (method) => {
      const headers = { 'if-match': '"6"', 'if-none-match': '*', 'if-unmodified-since': BEFORE };
      expect(evaluate(method, headers, current)).toBe('proceed');
    },
  );

  it.each(METHODS)('that are not there let a %s proceed', (method) => {
    expect(evaluate(method, {}, current)).toBe('proceed');
    expect(evaluate(method, {}, absent)).toBe('proceed');
  });
});

describe('RFC 9110 §13.2.2: the order of preconditions', () => {
  const truths = [undefined, true, false] as const;
  const combinations = truths.flatMap((ifMatch) =>
    truths.flatMap((ifUnmodifiedSince) =>
      truths.flatMap((ifNoneMatch) =>
        truths.map((ifModifiedSince) => ({ ifMatch, ifUnmodifiedSince, ifNoneMatch, ifModifiedSince })),
      ),
    ),
  );

  it.each(METHODS)('is that of the steps, for each combination in a %s', (method) => {
    for (const truth of combinations) {
      const verdict = evaluate(method, headersThatAre(truth), current);
      expect({ truth, verdict }).toEqual({
        truth,
        verdict: verdictOfTheSteps(READS.includes(method), truth),
      });
    }
  });
});

describe('RFC 6585 §3: a server may require a write to be conditional', () => {
  it.each<[RequestHeaders, boolean]>([
    [{ 'if-match': '"7"' }, true],
    [{ 'if-match': '*' }, true],
    [{ 'if-unmodified-since': SAME }, true],
    [{ 'if-none-match': '*' }, true],
    [{}, false],
    [{ 'if-none-match': '"7"' }, false],
    [{ 'if-modified-since': SAME }, false],
    [{ 'if-unmodified-since': 'yesterday' }, false],
  ])('on the state that it changes: %p → %p', (headers, isConditional) => {
    expect(hasWritePrecondition(parsePreconditions(headers))).toBe(isConditional);
  });
});

describe('the headers of a request', () => {
  it('become preconditions', () => {
    const headers = {
      'if-match': ['"1"', 'W/"2"'],
      'if-none-match': '*',
      'if-modified-since': SAME,
      'if-unmodified-since': AFTER,
    };

    expect(parsePreconditions(headers)).toEqual({
      ifMatch: [
        { isWeak: false, opaque: '1' },
        { isWeak: true, opaque: '2' },
      ],
      ifNoneMatch: '*',
      ifModifiedSince: new Date('2026-03-01T12:00:00Z'),
      ifUnmodifiedSince: new Date('2026-03-01T12:00:01Z'),
    });
  });

  it('are refused when the tags of one are malformed, even of one that would be ignored', () => {
    expect(() => parsePreconditions({ 'if-match': '7' })).toThrow(HeaderSyntaxError);
    expect(() => parsePreconditions({ 'if-match': '"7"', 'if-none-match': '7' })).toThrow('If-None-Match');
  });

  it('are read with the century of the date that is handed in', () => {
    const date = 'Sunday, 01-Mar-26 12:00:00 GMT';
    const headers = { 'if-modified-since': date, 'if-unmodified-since': date };
    const then = new Date('2126-03-01T12:00:00Z');

    expect(parsePreconditions(headers, new Date('2126-01-01'))).toEqual({
      ifModifiedSince: then,
      ifUnmodifiedSince: then,
    });
  });
});

function evaluate(method: string, headers: RequestHeaders, representation: Validators | undefined): Verdict {
  return evaluatePreconditions(method, parsePreconditions(headers), representation);
}

interface Truth {
  readonly ifMatch: boolean | undefined;
  readonly ifUnmodifiedSince: boolean | undefined;
  readonly ifNoneMatch: boolean | undefined;
  readonly ifModifiedSince: boolean | undefined;
}

/** Headers that hold, do not hold, or are not there, against `current`. */
function headersThatAre(truth: Truth): RequestHeaders {
  const either = (isTrue: boolean | undefined, whenTrue: string, whenFalse: string) =>
    isTrue === undefined ? undefined : isTrue ? whenTrue : whenFalse;
  return {
    'if-match': either(truth.ifMatch, '"7"', '"6"'),
    'if-unmodified-since': either(truth.ifUnmodifiedSince, SAME, BEFORE),
    'if-none-match': either(truth.ifNoneMatch, '"6"', '"7"'),
    'if-modified-since': either(truth.ifModifiedSince, BEFORE, SAME),
  };
}

/** The numbered list of the RFC, word by word. */
function verdictOfTheSteps(isRead: boolean, truth: Truth, step = 1): Verdict {
  switch (step) {
    case 1:
      if (truth.ifMatch === undefined) return verdictOfTheSteps(isRead, truth, 2);
      return truth.ifMatch ? verdictOfTheSteps(isRead, truth, 3) : 'failed';
    case 2:
      if (truth.ifUnmodifiedSince === undefined) return verdictOfTheSteps(isRead, truth, 3);
      return truth.ifUnmodifiedSince ? verdictOfTheSteps(isRead, truth, 3) : 'failed';
    case 3:
      if (truth.ifNoneMatch === undefined) return verdictOfTheSteps(isRead, truth, 4);
      if (truth.ifNoneMatch) return 'proceed';
      return isRead ? 'not-modified' : 'failed';
    default:
      return isRead && truth.ifModifiedSince === false ? 'not-modified' : 'proceed';
  }
}
