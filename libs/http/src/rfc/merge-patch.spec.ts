import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { applyMergePatch, MergePatchDepthError } from './merge-patch.js';

describe('RFC 7396 appendix A: a merge patch', () => {
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('to %s of %s gives %s', (target, patch, result) => {
    expect(JSON.stringify(applyMergePatch(JSON.parse(target), JSON.parse(patch)))).toBe(result);
  });
});

describe('RFC 7396 §2: a merge patch', () => {
  it('to a document changes, adds and removes members at any level (the example of §3)', () => {
    const target = {
      title: 'Goodbye!',
      author: { givenName: 'John', familyName: 'Doe' },
      tags: ['example', 'sample'],
      content: 'This will be unchanged',
    };
    const patch = {
      title: 'Hello!',
      phoneNumber: '+01-123-456-7890',
      author: { familyName: null },
      tags: ['example'],
    };

    expect(applyMergePatch(target, patch)).toEqual({
      title: 'Hello!',
      author: { givenName: 'John' },
      tags: ['example'],
      content: 'This will be unchanged',
      phoneNumber: '+01-123-456-7890',
    });
  });

  it('to nothing starts from an empty object', () => {
    expect(applyMergePatch(undefined, { a: { b: 1, c: null } })).toEqual({ a: { b: 1 } });
    expect(applyMergePatch(null, { a: 1 })).toEqual({ a: 1 });
  });

  it('keeps null inside arrays, which are values', () => {
    expect(applyMergePatch({ a: [1] }, { a: [null, { b: null }] })).toEqual({ a: [null, { b: null }] });
  });

  it('to an instance of a class reads its own members', () => {
    const createdAt = new Date('2026-03-01T12:00:00Z');
    class Product {
      name = 'Pen';
      createdAt = createdAt;
      get label(): string {
        return this.name;
      }
    }
    const patched = applyMergePatch(new Product(), { name: 'Pencil' });

    expect(patched).toEqual({ name: 'Pencil', createdAt });
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
  });

  it('leaves target and patch as they were', () => {
    fc.assert(
      fc.property(json(), json(), (target, patch) => {
        const before = JSON.stringify([target, patch]);
        applyMergePatch(deepFreeze(target), deepFreeze(patch));

        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });

  it('has no further effect when it is applied again', () => {
    fc.assert(
      fc.property(json(), json(), (target, patch) => {
        const once = applyMergePatch(target, patch);

        expect(isDeepStrictEqual(applyMergePatch(once, patch), once)).toBe(true);
      }),
    );
  });

  it('made from two documents turns one into the other', () => {
    fc.assert(
      fc.property(json(), json(), (before, after) => {
        const [from, to] = [withoutNulls(before), withoutNulls(after)];

        expect(isDeepStrictEqual(applyMergePatch(from, patchBetween(from, to)), to)).toBe(true);
      }),
    );
  });
});

describe('a hostile merge patch', () => {
  const HOSTILE =
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}}';

  it.each(['{}', HOSTILE, '{"__proto__":null,"constructor":1}'])(
    'reaches no prototype, and is data as any other: to %s',
    (target) => {
      const patched = applyMergePatch(JSON.parse(target), JSON.parse(HOSTILE)) as object;

      expect(JSON.stringify(patched)).toBe(HOSTILE);
      expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
      expect(Object.prototype).not.toHaveProperty('polluted');
      expect(Object).not.toHaveProperty('polluted');
    },
  );

  it('reads no inherited member either', () => {
    expect(applyMergePatch({}, { constructor: { name: null }, toString: { a: 1 } })).toEqual({
      constructor: {},
      toString: { a: 1 },
    });
    expect(JSON.stringify(applyMergePatch({}, JSON.parse('{"__proto__":null}')))).toBe('{}');
  });

  it('has at most 100 levels of objects', () => {
    expect(JSON.stringify(applyMergePatch({}, nested(100)))).toBe(JSON.stringify(nested(100)));
    expect(() => applyMergePatch({}, nested(101))).toThrow(MergePatchDepthError);
    expect(() => applyMergePatch({}, nested(100_000))).toThrow(
      expect.objectContaining({ status: 400, statusCode: 400, expose: true, maxDepth: 100 }),
    );
  });

  it('may replace what is deeper, and be replaced by it', () => {
    const array = Array.from({ length: 1000 }).reduce<unknown>((inner) => [inner], 0);

    expect(applyMergePatch({ a: nested(1000) }, { a: 1 })).toEqual({ a: 1 });
    expect(applyMergePatch({}, { array })).toEqual({ array });
  });
});

function json(): fc.Arbitrary<unknown> {
  const names = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', '1');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(null, 0, 1, '', 'x', true),
      tie('array'),
      tie('object'),
    ),
    array: fc.array(tie('value'), { maxLength: 3 }),
    object: fc
      .array(fc.tuple(names, tie('value')), { maxLength: 4 })
      .map((members) => Object.fromEntries(members)),
  }));
  return value!;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A patch cannot make a member null: it would remove it. */
function withoutNulls(value: unknown): unknown {
  if (!isObject(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, withoutNulls(member)]));
}

function patchBetween(from: unknown, to: unknown): unknown {
  if (!isObject(to)) return to;
  const [before, after] = [new Map(Object.entries(isObject(from) ? from : {})), new Map(Object.entries(to))];
  const removed = [...before.keys()].filter((name) => !after.has(name)).map((name) => [name, null]);
  const changed = [...after].map(([name, value]) => [name, patchBetween(before.get(name), value)]);
  return Object.fromEntries([...removed, ...changed]);
}

function deepFreeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

function nested(levels: number): unknown {
  let value: unknown = 0;
  for (let level = 0; level < levels; level++) value = { a: value };
  return value;
}
