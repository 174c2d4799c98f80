import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { annotate, bind, lookup, rootFrame, withOwner, type Frame } from './frame.js';

describe('a frame', () => {
  const orders = {};
  const reports = {};

  it('knows nothing at first', () => {
    expect(rootFrame()).toMatchObject({ requestId: undefined, owner: undefined, binding: undefined });
    expect(lookup(rootFrame(), orders)).toBeUndefined();
    expect(lookup(undefined, orders)).toBeUndefined();
  });

  it('finds what was bound, by identity of the key', () => {
    const frame = bind(bind(rootFrame(), orders, 'tx-1'), reports, 'tx-2');

    expect(lookup(frame, orders)).toBe('tx-1');
    expect(lookup(frame, reports)).toBe('tx-2');
    expect(lookup(frame, {})).toBeUndefined();
  });

  it('leaves the frame that it was made from as it was', () => {
    const outer = bind(rootFrame(), orders, 'outer');
    const inner = bind(outer, orders, 'inner');

    expect(lookup(inner, orders)).toBe('inner');
    expect(lookup(outer, orders)).toBe('outer');
  });

  it('can bind a key to nothing, which hides the outer binding', () => {
    const frame = bind(bind(rootFrame(), orders, 'outer'), orders, undefined);

    expect(lookup(frame, orders)).toBeUndefined();
  });

  it('is frozen, and so is each of its bindings', () => {
    const frame = bind(bind(rootFrame(), orders, 1), reports, 2);
    const rebound = bind(frame, orders, 3);

    for (const part of [rootFrame(), frame, rebound, withOwner(frame, {}, 'r'), ...bindingsOf(rebound)]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('does not grow with the depth of calls', () => {
    let frame = bind(rootFrame(), reports, 'outermost');
    for (let depth = 0; depth < 1000; depth++) frame = bind(frame, orders, depth);

    expect(bindingsOf(frame)).toHaveLength(2);
    expect(lookup(frame, reports)).toBe('outermost');
  });

  it('behaves as a map does, for any order of bindings', () => {
    const keys = Array.from({ length: 4 }, (_, name) => ({ name }));
    const binding = fc.tuple(fc.constantFrom(...keys), fc.integer());

    fc.assert(
      fc.property(fc.array(binding, { maxLength: 40, size: 'max' }), (bindings) => {
        const map = new Map(bindings);
        const frame = bindings.reduce((outer, [key, value]) => bind(outer, key, value), rootFrame());

        expect(keys.map((key) => lookup(frame, key))).toEqual(keys.map((key) => map.get(key)));
        expect(bindingsOf(frame)).toHaveLength(map.size);
      }),
    );
  });
});

describe('a frame with an owner', () => {
  const key = {};
  const surrounding = bind(withOwner(rootFrame(), 'shop', 'req-1'), key, 'tx-1');

  it('keeps what is bound in the surrounding one', () => {
    expect(lookup(withOwner(surrounding, 'reports', 'req-2'), key)).toBe('tx-1');
  });

  it('names its own request, else the surrounding one', () => {
    expect(withOwner(surrounding, 'reports', 'req-2')).toMatchObject({
      owner: 'reports',
      requestId: 'req-2',
    });
    expect(withOwner(surrounding, 'reports', undefined)).toMatchObject({ requestId: 'req-1' });
  });

  it('keeps owner and request when something is bound', () => {
    expect(bind(surrounding, {}, 'more')).toMatchObject({ owner: 'shop', requestId: 'req-1' });
  });
});

function bindingsOf(frame: Frame): object[] {
  const all: object[] = [];
  for (let binding = frame.binding; binding !== undefined; binding = binding.next) all.push(binding);
  return all;
}

describe('a note', () => {
  const key = {};

  it('says more about a frame, and makes it no more inner', () => {
    const level = bind(rootFrame(), {}, 'level');
    const noted = annotate(level, key, 'note');

    expect(lookup(noted, key)).toBe('note');
    expect(noted.openedAt).toBe(level.openedAt);
    expect(noted.binding).toMatchObject({ isNote: true, next: { isNote: false, value: 'level' } });
    expect(lookup(level, key)).toBeUndefined();
  });

  it('where there is no frame makes one that is outside of all others', () => {
    const noted = annotate(undefined, key, 'note');

    expect(lookup(noted, key)).toBe('note');
    expect(noted.openedAt).toBe(0);
  });
});
