import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  formatEntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
  type EntityTag,
} from './entity-tag.js';
import { HeaderSyntaxError } from './header-syntax-error.js';

const strong = (opaque: string): EntityTag => ({ isWeak: false, opaque });
const weak = (opaque: string): EntityTag => ({ isWeak: true, opaque });

describe('RFC 9110 §8.8.3: an entity tag', () => {
  it.each([
    ['"xyzzy"', strong('xyzzy')],
    ['W/"xyzzy"', weak('xyzzy')],
    ['""', strong('')],
    ['W/""', weak('')],
    ['"!#~"', strong('!#~')],
    ['"a,b"', strong('a,b')],
    ['"W/"', strong('W/')],
    ['"*"', strong('*')],
    ['"é\x80ÿ"', strong('é\x80ÿ')],
  ])('is an opaque string in quotes, weak with the prefix W/: %s', (text, tag) => {
    expect(parseEntityTag(text)).toEqual(tag);
    expect(formatEntityTag(tag)).toBe(text);
  });

  it('has no escapes: a backslash is a character as any other', () => {
    expect(parseEntityTag(String.raw`"a\b\"`)).toEqual(strong(String.raw`a\b` + '\\'));
    expect(() => parseEntityTag(String.raw`"a\"b"`)).toThrow(HeaderSyntaxError);
  });

  it.each([
    ['nothing', ''],
    ['no quotes', 'xyzzy'],
    ['no closing quote', '"xyzzy'],
    ['no opening quote', 'xyzzy"'],
    ['a single quote character', '"'],
    ['other quotes', "'xyzzy'"],
    ['typographic quotes', '“xyzzy”'],
    ['a lower-case w, for W/ is case-sensitive', 'w/"xyzzy"'],
    ['W without the slash', 'W"xyzzy"'],
    ['a space inside W/', 'W /"xyzzy"'],
    ['a space after W/', 'W/ "xyzzy"'],
    ['W/ alone', 'W/'],
    ['W/ twice', 'W/W/"xyzzy"'],
    ['a quote inside', '"xy"zzy"'],
    ['a space inside', '"xy zzy"'],
    ['a tab inside', '"xy\tzzy"'],
    ['a line break inside', '"xy\r\nzzy"'],
    ['NUL inside', '"xy\0zzy"'],
    ['DEL inside', '"xy\x7fzzy"'],
    ['a character beyond Latin-1 inside', '"xyĀzzy"'],
    ['half of a surrogate pair inside', '"xy\ud83dzzy"'],
    ['text after it', '"xyzzy"a'],
    ['a space after it', '"xyzzy" '],
    ['a space before it', ' "xyzzy"'],
    ['a second tag', '"xyzzy", "r2d2"'],
    ['a star', '*'],
  ])('is refused with %s', (_case, text) => {
    expect(() => parseEntityTag(text)).toThrow(HeaderSyntaxError);
  });

  it.each(['a"b', 'a b', 'a\tb', 'a\r\nSet-Cookie: b', 'a\x7f', 'Ā'])(
    'is not made from characters that it cannot have: %p',
    (opaque) => {
      expect(() => formatEntityTag(strong(opaque))).toThrow(TypeError);
    },
  );

  it('is the same after formatting and parsing', () => {
    fc.assert(fc.property(entityTags(), (tag) => expect(parseEntityTag(formatEntityTag(tag))).toEqual(tag)));
  });
});

describe('RFC 9110 §8.8.3.2: comparison', () => {
  it.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
    // Not in the table of the RFC:
    ['"1"', 'W/"1"', false, true],
    ['"1"', '"2"', false, false],
    ['"a"', '"A"', false, false],
    ['"1"', '"01"', false, false],
    ['""', '""', true, true],
  ])('of %s with %s: strong %p, weak %p', (one, other, isStrongMatch, isWeakMatch) => {
    expect(matchesStrongly(parseEntityTag(one), parseEntityTag(other))).toBe(isStrongMatch);
    expect(matchesWeakly(parseEntityTag(one), parseEntityTag(other))).toBe(isWeakMatch);
  });

  it('does not depend on the order, and a strong match is a weak one, too', () => {
    fc.assert(
      fc.property(entityTags(2), entityTags(2), (one, other) => {
        expect(matchesStrongly(one, other)).toBe(matchesStrongly(other, one));
        expect(matchesWeakly(one, other)).toBe(matchesWeakly(other, one));
        if (matchesStrongly(one, other)) expect(matchesWeakly(one, other)).toBe(true);
      }),
    );
  });
});

describe.each(['If-Match', 'If-None-Match'] as const)('%s', (header) => {
  it('is nothing when the request has none', () => {
    expect(parseEntityTagList(header, undefined)).toBeUndefined();
  });

  it.each([
    ['"xyzzy"', [strong('xyzzy')]],
    ['W/"xyzzy"', [weak('xyzzy')]],
    ['"xyzzy", "r2d2xxxx", "c3piozzzz"', ['xyzzy', 'r2d2xxxx', 'c3piozzzz'].map(strong)],
    ['W/"xyzzy", W/"r2d2xxxx", W/"c3piozzzz"', ['xyzzy', 'r2d2xxxx', 'c3piozzzz'].map(weak)],
    ['"a,b", "c"', [strong('a,b'), strong('c')]],
    ['"1","1"', [strong('1'), strong('1')]],
  ])('RFC 9110 §13.1.1, §13.1.2: lists entity tags: %s', (value, tags) => {
    expect(parseEntityTagList(header, value)).toEqual(tags);
  });

  it.each(['*', ' *', '*\t'])('RFC 9110 §13.1.1, §13.1.2: or is a star: %p', (value) => {
    expect(parseEntityTagList(header, value)).toBe('*');
  });

  it.each([['*, "1"'], ['"1", *'], ['*,'], [',*'], ['*, *'], ['**'], ['W/*'], ['"1" *']])(
    'RFC 9110 §13.1.1, §13.1.2: is never both: %s',
    (value) => {
      expect(() => parseEntityTagList(header, value)).toThrow(HeaderSyntaxError);
    },
  );

  it.each([
    '"foo" ,"bar","charlie"',
    '"foo" , ,"bar","charlie"',
    '"foo","bar","charlie",',
    ',"foo","bar",,,"charlie"',
    ' \t"foo"\t,\t"bar" , "charlie" \t',
  ])('RFC 9110 §5.6.1.2: ignores empty elements and the blanks around commas: %p', (value) => {
    expect(parseEntityTagList(header, value)).toEqual(['foo', 'bar', 'charlie'].map(strong));
  });

  it.each(['', ' ', ',', ',   ,', '\t,\t'])(
    'RFC 9110 §5.6.1.2: is refused without any element: %p',
    (value) => {
      expect(() => parseEntityTagList(header, value)).toThrow(HeaderSyntaxError);
    },
  );

  it.each([
    '"foo" "bar"',
    '"foo""bar"',
    '"foo";"bar"',
    '"foo", bar',
    '"foo',
    '"foo, "bar"',
    'foo',
    '7',
    'w/"7"',
    '"foo"\n',
  ])('is refused when it is malformed, not ignored: %p', (value) => {
    expect(() => parseEntityTagList(header, value)).toThrow(HeaderSyntaxError);
  });

  it.each([
    [['"1"'], [strong('1')]],
    [
      ['"1"', 'W/"2", "3"'],
      [strong('1'), weak('2'), strong('3')],
    ],
    [['"1"', ''], [strong('1')]],
    [['*'], '*'],
  ])('RFC 9110 §5.3: may be sent in several lines, which are one list: %p', (value, condition) => {
    expect(parseEntityTagList(header, value)).toEqual(condition);
  });

  it.each([[['*', '"1"']], [['"1"', '*']], [['"a', 'b"']], [['']], [[]]])(
    'RFC 9110 §5.3: obeys the same grammar in several lines: %p',
    (value) => {
      expect(() => parseEntityTagList(header, value)).toThrow(HeaderSyntaxError);
    },
  );

  it('tells which header is malformed and where, and does not repeat it', () => {
    const parse = () => parseEntityTagList(header, '"7", <script>');

    expect(parse).toThrow(`The ${header} header is malformed: expected \`"\` at character 6.`);
    expect(parse).toThrow(expect.objectContaining({ header, status: 400, statusCode: 400, expose: true }));
  });

  it('is the same after formatting and parsing, whatever stands between the tags', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(entityTags(), separators()), { minLength: 1 }), (parts) => {
        const value = parts.map(([tag, separator]) => formatEntityTag(tag) + separator).join('');

        expect(parseEntityTagList(header, value)).toEqual(parts.map(([tag]) => tag));
      }),
    );
  });

  it('accepts what the grammar accepts, and throws nothing but a HeaderSyntaxError', () => {
    fc.assert(
      fc.property(fc.oneof(almostLists(), fc.string({ unit: 'binary' })), (value) => {
        expect(isAccepted(() => parseEntityTagList(header, value))).toBe(GRAMMAR.test(value));
      }),
      { numRuns: 1000 },
    );
  });
});

// The ABNF of RFC 9110 as a regular expression, to which an independent parser is compared. It may backtrack: values are short.
const TAG = String.raw`(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"`;
const OWS = String.raw`[ \t]*`;
const GRAMMAR = new RegExp(`^${OWS}(?:\\*|(?:,${OWS})*${TAG}(?:${OWS},(?:${OWS}${TAG})?)*)${OWS}$`);

function isAccepted(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(HeaderSyntaxError);
    return false;
  }
}

function entityTags(maxLength = 20): fc.Arbitrary<EntityTag> {
  const character = fc
    .integer({ min: 0x21, max: 0xff })
    .filter((code) => code !== 0x22 && code !== 0x7f)
    .map((code) => String.fromCharCode(code));
  return fc.record({ isWeak: fc.boolean(), opaque: fc.string({ unit: character, maxLength }) });
}

function separators(): fc.Arbitrary<string> {
  const blanks = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 2 });
  return fc.array(blanks, { minLength: 2, maxLength: 4 }).map((parts) => parts.join(','));
}

function almostLists(): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    '"1"',
    'W/"2"',
    '""',
    ',',
    ', ',
    ' ',
    '\t',
    '*',
    '"',
    'W',
    '/',
    'w/',
    'é',
    '\x7f',
    'a',
    '\0',
  );
  return fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
}
