import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HeaderSyntaxError } from './header-syntax-error.js';
import { parseIdempotencyKey } from './idempotency-key.js';

describe('draft-ietf-httpapi-idempotency-key-header §2.1: Idempotency-Key', () => {
  it.each(['"8e03978e-40d5-43e8-bc93-6894a57f9324"', '"clkyoesmbgybucifusbbtdsbohtyuuwz"'])(
    'is a String: %s',
    (value) => {
      expect(parseIdempotencyKey(value)).toBe(value.slice(1, -1));
    },
  );

  it('is nothing when the request has none', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
  });

  it.each([
    ['a UUID', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['a ULID', '01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    ['Base64', 'aGVsbG8+d29ybGQ/aA=='],
    ['a path', 'orders/42:pay'],
    ['punctuation', "!#$%&'*+-.^_`|~"],
  ])('may lack the quotes, as most clients send it: %s', (_kind, key) => {
    expect(parseIdempotencyKey(key)).toBe(key);
    expect(parseIdempotencyKey(`"${key}"`)).toBe(key);
  });

  it.each([['"1", "2"'], ['1, 2'], ['1,2'], [['"1"', '"2"']], [['1', '2']], [['"1"', '"1"']], [[]]])(
    'is sent once: not %p',
    (value) => {
      expect(() => parseIdempotencyKey(value)).toThrow(HeaderSyntaxError);
    },
  );

  it('may come as the only line of an array', () => {
    expect(parseIdempotencyKey(['"1"'])).toBe('1');
  });
});

describe('RFC 9651 §3.3.3: a String', () => {
  it.each([
    [String.raw`"a \"quoted\" word"`, 'a "quoted" word'],
    [String.raw`"back\\slash"`, String.raw`back\slash`],
    [String.raw`"\\\""`, String.raw`\"`],
    ['"a, b; c=d"', 'a, b; c=d'],
    ['" ~"', ' ~'],
    [' \t"a" ', 'a'],
  ])('is printable ASCII, in which a backslash escapes quotes and backslashes: %s', (value, key) => {
    expect(parseIdempotencyKey(value)).toBe(key);
  });

  it.each([
    ['no end', '"abc'],
    ['an escape at the end', String.raw`"abc\"`],
    ['an escape of something else', String.raw`"a\nb"`],
    ['a control character', '"a\tb"'],
    ['DEL', '"a\x7fb"'],
    ['a letter beyond ASCII', '"é"'],
    ['text after it', '"a"b'],
    ['text before it', 'b"a"'],
    ['parameters, for the field defines none', '"a";b=1'],
    ['single quotes and a blank', "'a b'"],
    ['a letter beyond ASCII, bare', 'é'],
    ['a blank, bare', 'a b'],
    ['a backslash, bare', String.raw`a\b`],
    ['Bytes in its place', ':YWJj:;'],
    ['a list of Strings in its place', '("a" "b")'],
    ['NUL', '"a\0"'],
  ])('is refused with %s', (_case, value) => {
    expect(() => parseIdempotencyKey(value)).toThrow(HeaderSyntaxError);
  });
});

describe('the length of an Idempotency-Key', () => {
  it('is 1 to 255 characters, counted without quotes and escapes', () => {
    expect(parseIdempotencyKey('k'.repeat(255))).toHaveLength(255);
    expect(parseIdempotencyKey(quoted('"'.repeat(255)))).toHaveLength(255);
  });

  it.each(['', ' ', '""', 'k'.repeat(256), quoted('k'.repeat(256)), quoted('"'.repeat(256))])(
    'is never another: %p',
    (value) => {
      expect(() => parseIdempotencyKey(value)).toThrow('a key has 1 to 255 characters');
    },
  );
});

describe('an Idempotency-Key', () => {
  it('is not repeated in the error', () => {
    const parse = () => parseIdempotencyKey('"secret\n"');

    expect(parse).toThrow('The Idempotency-Key header is malformed: expected `"` at character 8.');
    expect(parse).toThrow(expect.objectContaining({ header: 'Idempotency-Key', status: 400 }));
  });

  it('is the same after quoting and parsing', () => {
    const printable = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
    const keys = fc.string({ unit: printable, minLength: 1, maxLength: 255 });

    fc.assert(fc.property(keys, (key) => expect(parseIdempotencyKey(quoted(key))).toBe(key)));
  });

  it('parses or is refused, whatever is sent', () => {
    const piece = fc.constantFrom('"', '\\', 'a', ' ', '\t', ',', ';', '=', '\x7f', 'é', '\0');
    const values = fc.oneof(
      fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
      fc.string({ unit: 'binary' }),
    );

    fc.assert(
      fc.property(values, (value) => {
        expect(isAccepted(value)).toBe(GRAMMAR.test(value));
      }),
      { numRuns: 1000 },
    );
  });
});

// Both grammars as regular expressions, to which an independent parser is compared. They may backtrack: values are short.
const STRING = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+"`;
const GRAMMAR = new RegExp(`^[ \\t]*(?:${STRING}|[\\w!#$%&'*+.^\`|~:/=-]+)[ \\t]*$`);

function isAccepted(value: string): boolean {
  try {
    return parseIdempotencyKey(value) !== undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(HeaderSyntaxError);
    return false;
  }
}

function quoted(key: string): string {
  return `"${key.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
