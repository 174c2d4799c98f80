import { describe, expect, it } from '@jest/globals';
import { PROBLEM_JSON, problemDetails } from './problem-details.js';

describe('RFC 9457 §3: problem details', () => {
  it('are JSON of a media type of their own', () => {
    expect(PROBLEM_JSON).toBe('application/problem+json');
  });

  it('have the standard members first, in one order, then the extensions as they come', () => {
    const problem = problemDetails({
      extensions: { balance: 30, accounts: ['/account/12345', '/account/67890'] },
      instance: '/account/12345/msgs/abc',
      detail: 'Your current balance is 30, but that costs 50.',
      title: 'You do not have enough credit.',
      status: 403,
      type: 'https://example.com/probs/out-of-credit',
    });

    expect(JSON.stringify(problem)).toBe(
      '{"type":"https://example.com/probs/out-of-credit","title":"You do not have enough credit.","status":403,' +
        '"detail":"Your current balance is 30, but that costs 50.","instance":"/account/12345/msgs/abc",' +
        '"balance":30,"accounts":["/account/12345","/account/67890"]}',
    );
  });

  it('leave out what is undefined, and keep what is null or empty', () => {
    const problem = problemDetails({
      status: 400,
      detail: undefined,
      instance: undefined,
      extensions: { actual: null, reason: undefined, causes: [] },
    });

    expect(Object.keys(problem)).toEqual(['type', 'title', 'status', 'actual', 'causes']);
  });
});

describe('RFC 9457 §3.1: the standard members', () => {
  it('§3.1.1: type is about:blank when it is not given', () => {
    expect(problemDetails({ status: 404 }).type).toBe('about:blank');
    expect(problemDetails({ status: 404, type: 'urn:example:gone' }).type).toBe('urn:example:gone');
  });

  it.each([99, 600, 0, -1, 404.5, NaN, Infinity])('§3.1.2: status is a status code: not %p', (status) => {
    expect(() => problemDetails({ status })).toThrow(RangeError);
  });

  it.each([
    [412, 'Precondition Failed'],
    [428, 'Precondition Required'],
    [503, 'Service Unavailable'],
  ])('§3.1.3, §4.2.1: title of a %p is its phrase when it is not given: %s', (status, title) => {
    expect(problemDetails({ status }).title).toBe(title);
  });

  it.each([
    [499, 'Bad Request'],
    [599, 'Internal Server Error'],
  ])('§3.1.3: title of a %p, which nobody knows, is that of its class: %s', (status, title) => {
    expect(problemDetails({ status }).title).toBe(title);
  });
});

describe('RFC 9457 §3.2: an extension', () => {
  it.each(['type', 'title', 'status', 'detail', 'instance'])(
    'never replaces the standard member %s',
    (name) => {
      expect(() => problemDetails({ status: 400, extensions: { [name]: 'mine' } })).toThrow(TypeError);
      expect(() => problemDetails({ status: 400, extensions: { [name]: undefined } })).toThrow(TypeError);
    },
  );

  it.each(['abc', 'retryAfter', 'A1_', 'x_1', 'constructor'])(
    'has a name that other formats can carry: %s',
    (name) => {
      expect(Object.keys(problemDetails({ status: 400, extensions: { [name]: 1 } }))).toContain(name);
    },
  );

  it.each(['', 'a', 'ab', '1ab', '123', '_ab', 'a-b', 'a b', 'äbc', 'abc\n', '__proto__'])(
    'has no name that other formats cannot carry: %p',
    (name) => {
      const extensions = Object.fromEntries([[name, {}]]);
      expect(() => problemDetails({ status: 400, extensions })).toThrow(TypeError);
    },
  );
});
