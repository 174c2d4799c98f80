import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from './canonical-json.js';

describe('canonical JSON', () => {
  it.each([
    [
      { b: 1, a: 2 },
      { a: 2, b: 1 },
    ],
    [{ a: { d: [1, { y: 1, x: 2 }], c: null } }, { a: { c: null, d: [1, { x: 2, y: 1 }] } }],
  ])('is the same in whatever order the members came', (one, other) => {
    expect(canonicalJson(one)).toBe(canonicalJson(other));
  });

  it.each([
    [{ a: 1 }, { a: '1' }],
    [
      [1, 2],
      [2, 1],
    ],
    [
      [1, [2]],
      [[1], 2],
    ],
    [{ a: { b: 1 } }, { 'a.b': 1 }],
    [[], {}],
    [null, 'null'],
    ['a","b', ['a', 'b']],
    [{ a: '1,"b":2' }, { a: '1', b: 2 }],
    [[null], []],
    [0, false],
  ])('differs where values differ: %j, %j', (one, other) => {
    expect(canonicalJson(one)).not.toBe(canonicalJson(other));
  });

  it('stands any depth', () => {
    const depth = 200_000;
    let nested: unknown = 1;
    for (let level = 0; level < depth; level++) nested = [nested];

    expect(canonicalJson(nested)).toHaveLength(3 * depth + 1);
  });
});

it('takes arrays of any length', () => {
  expect(canonicalJson(Array.from({ length: 500_000 }, () => 0))).toHaveLength(1_000_002);
});
