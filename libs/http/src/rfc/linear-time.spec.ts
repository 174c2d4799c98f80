import { describe, expect, it, jest } from '@jest/globals';
import { parseEntityTag, parseEntityTagList } from './entity-tag.js';
import { HeaderSyntaxError } from './header-syntax-error.js';
import { parseHttpDate } from './http-date.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { parsePreconditions } from './preconditions.js';
import { mergeVary } from './vary.js';

const PARSERS = {
  'If-Match': (value: string) => parseEntityTagList('If-Match', value),
  'If-None-Match': (value: string) => parseEntityTagList('If-None-Match', value),
  'Idempotency-Key': (value: string) => parseIdempotencyKey(value),
  'a quoted Idempotency-Key': (value: string) => parseIdempotencyKey(`"${value}"`),
  ETag: (value: string) => parseEntityTag(`"${value}"`),
};

/** What has brought down parsers: repetitions that can be divided in many ways, with an end that fits none of them. */
const HOSTILE = [
  ',',
  ' ',
  '\t',
  ', ',
  ' ,',
  '"',
  '""',
  '"a",',
  '"a" , ',
  'W/',
  'W/"a",',
  '\\',
  '\\"',
  '\\\\',
  '*',
  'a',
  '"a,',
  'é',
];

describe.each(Object.entries(PARSERS))('the parser of %s', (_header, parse) => {
  it.each(HOSTILE)('reads each character a fixed number of times: %p repeated', (unit) => {
    const reads = [1, 2, 4].map((times) => countReads(() => parse(`${unit.repeat(times * 500)}x`)));
    const [once, twice, fourTimes] = reads as [number, number, number];

    expect(fourTimes - twice).toBe(2 * (twice - once));
    expect(fourTimes).toBeLessThanOrEqual(10 * unit.length * 2000 + 100);
  });
});

// Reads inside a regular expression or a split cannot be counted. The limit is no measure of speed: a header takes a few
// milliseconds at most, and what grows with the square of its length takes seconds, also in the best of three rounds.
describe('a header of 64 KiB', () => {
  it.each(HOSTILE)('is no burden: %p repeated', (unit) => {
    const value = `${unit.repeat((64 * 1024) / unit.length)}x`;

    expect(Math.min(...[1, 2, 3].map(() => timeMs(() => parseAll(value))))).toBeLessThan(1000);
  });
});

function parseAll(value: string): void {
  refusing(() => parsePreconditions({ 'if-match': value }));
  refusing(() => parsePreconditions({ 'if-none-match': value, 'if-modified-since': value }));
  refusing(() => parseIdempotencyKey(value));
  parseHttpDate(`Sun, ${value}`);
  parseHttpDate(`Sun Nov ${value}`);
  mergeVary(value, []);
}

function timeMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** How many characters were looked at. The parsers have no other way to look at one. */
function countReads(work: () => unknown): number {
  const charCodeAt = jest.spyOn(String.prototype, 'charCodeAt');
  try {
    refusing(work);
    return charCodeAt.mock.calls.length;
  } finally {
    charCodeAt.mockRestore();
  }
}

function refusing(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof HeaderSyntaxError)) throw error;
  }
}
