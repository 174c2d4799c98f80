import { describe, expect, it } from '@jest/globals';
import { settle } from '../../../../test/support/gate.js';
import { asyncLocalStorageNamespace } from './async-local-storage-namespace.js';
import { clsHookedNamespace } from './cls-hooked-namespace.js';
import type { ContextNamespace } from './context-namespace.js';
import { currentFrame, outsideTransaction, useNamespace } from './current-frame.js';
import { bind, lookup, rootFrame, withOwner } from './frame.js';

const first = asyncLocalStorageNamespace('first');
const second = clsHookedNamespace('second');
const unused = asyncLocalStorageNamespace('unused');
useNamespace(first);
useNamespace(second);

const inFrame = <T>(namespace: ContextNamespace, id: string, work: () => T): T =>
  namespace.run(withOwner(rootFrame(), undefined, id), work);
const seen = (): string | undefined => currentFrame()?.requestId;

describe('the current frame', () => {
  it('is none outside of any, and in a namespace that nobody uses', () => {
    expect(currentFrame()).toBeUndefined();
    inFrame(unused, 'a', () => expect(currentFrame()).toBeUndefined());
  });

  it.each([
    ['the first namespace', first],
    ['a further one', second],
  ])('is found in %s', async (_which, namespace) => {
    expect(await inFrame(namespace, 'a', () => settle().then(seen))).toBe('a');
  });

  it.each([
    ['first', first, second],
    ['second', second, first],
  ])('is the innermost one where two namespaces have one (%s outside)', async (_which, outer, inner) => {
    const order = await inFrame(outer, 'outer', async () => {
      const within = await inFrame(inner, 'inner', async () => {
        await settle();
        return [seen(), inFrame(outer, 'innermost', seen), seen()];
      });
      return [...within, seen()];
    });

    expect(order).toEqual(['inner', 'innermost', 'inner', 'outer']);
  });
});

describe('outside of the transaction', () => {
  const key = {};

  it('nothing is bound, in any namespace, but the request and the owner are known', async () => {
    const owner = {};
    const frame = bind(withOwner(rootFrame(), owner, 'a'), key, 'transaction');
    const inside = await first.run(frame, () =>
      second.run(frame, () =>
        outsideTransaction(async () => {
          await settle();
          return [first.frame, second.frame];
        }),
      ),
    );

    for (const each of inside) {
      expect(lookup(each, key)).toBeUndefined();
      expect(each).toMatchObject({ requestId: 'a', owner });
    }
  });

  it('is only there: who called is still inside', () => {
    first.run(bind(rootFrame(), key, 'transaction'), () => {
      outsideTransaction(() => undefined);
      expect(lookup(currentFrame(), key)).toBe('transaction');
    });
  });

  it('hands on what the work returns or throws, also where there is no frame at all', () => {
    const failure = new Error('no');
    const fail = (): never => {
      throw failure;
    };

    expect(outsideTransaction(() => 42)).toBe(42);
    expect(() => inFrame(first, 'a', () => outsideTransaction(fail))).toThrow(failure);
  });
});
