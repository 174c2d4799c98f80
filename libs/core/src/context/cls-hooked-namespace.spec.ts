import { EventEmitter, once } from 'node:events';
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { createNamespace, getNamespace } from 'cls-hooked';
import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import { gate, settle } from '../../../../test/support/gate.js';
import { asyncLocalStorageNamespace } from './async-local-storage-namespace.js';
import { clsHookedNamespace } from './cls-hooked-namespace.js';
import type { ContextNamespace } from './context-namespace.js';
import { rootFrame, withOwner } from './frame.js';

const own = createNamespace('application');

describe.each<[string, ContextNamespace]>([
  ['AsyncLocalStorage', asyncLocalStorageNamespace('compared')],
  ['cls-hooked, by name', clsHookedNamespace('by name')],
  ['cls-hooked, a namespace of the application', clsHookedNamespace(own)],
])('on %s', (_storage, namespace) => {
  const inRequest = <T>(id: string, work: () => T): T =>
    namespace.run(withOwner(rootFrame(), undefined, id), work);
  const seen = (): string | undefined => namespace.frame?.requestId;

  it('there is no frame outside of a run, before and after', async () => {
    expect(namespace.frame).toBeUndefined();
    await inRequest('a', () => settle());
    expect(namespace.frame).toBeUndefined();
  });

  it('a run hands on what its work returns', async () => {
    expect(inRequest('a', () => 42)).toBe(42);
    expect(await inRequest('a', async () => seen())).toBe('a');
  });

  it.each([new Error('no'), Object.freeze(new Error('frozen')), 'a text', undefined, null])(
    'a run hands on what its work throws, untouched: %p',
    (thrown) => {
      const caught: unknown[] = [];
      try {
        inRequest('a', () => {
          throw thrown;
        });
      } catch (error) {
        caught.push(error);
      }

      expect(caught).toEqual([thrown]);
      expect(Object.getOwnPropertySymbols(Object(thrown))).toEqual([]);
      expect(namespace.frame).toBeUndefined();
    },
  );

  it('the innermost frame is seen, and the outer one again after it', async () => {
    const order = await inRequest('outer', async () => {
      const inner = await inRequest('inner', async () => {
        await settle();
        return seen();
      });
      return [inner, seen()];
    });

    expect(order).toEqual(['inner', 'outer']);
  });

  it('parallel branches do not see each other', async () => {
    const [innerIsIn, siblingHasLooked] = [gate(), gate()];
    const branches = await inRequest('outer', () =>
      Promise.all([
        inRequest('inner', async () => {
          innerIsIn.open();
          await siblingHasLooked.opened;
          return seen();
        }),
        (async () => {
          await innerIsIn.opened;
          siblingHasLooked.open();
          return seen();
        })(),
      ]),
    );

    expect(branches).toEqual(['inner', 'outer']);
  });

  it.each<[string, (run: () => void) => unknown]>([
    ['a timeout', (run) => setTimeout(run, 0)],
    ['an immediate', (run) => setImmediate(run)],
    ['a tick', (run) => process.nextTick(run)],
    ['a microtask', (run) => queueMicrotask(run)],
    ['a settled promise', (run) => void Promise.resolve().then(run)],
  ])('the frame follows %s', async (_name, schedule) => {
    const result = gate<string | undefined>();
    inRequest('a', () => schedule(() => result.open(seen())));

    expect(await result.opened).toBe('a');
  });

  it('the frame follows whoever emits an event, and whoever awaits one', async () => {
    const emitter = new EventEmitter();
    const heard: unknown[] = [];
    inRequest('listener', () => emitter.on('order', () => heard.push(seen())));
    const awaited = inRequest('waiter', async () => {
      await once(emitter, 'order');
      return seen();
    });
    inRequest('emitter', () => emitter.emit('order'));

    expect(heard).toEqual(['emitter']);
    expect(await awaited).toBe('waiter');
  });

  it('the frame follows a loop over a stream, a generator and an Observable', async () => {
    async function* numbers(): AsyncGenerator<string> {
      for (const number of [1, 2]) {
        await settle();
        yield `${number}:${seen()}`;
      }
    }
    const collected = await inRequest('a', async () => {
      const all: unknown[] = [];
      for await (const each of Readable.from(numbers())) all.push(each, seen());
      const observed = from([3]).pipe(
        mergeMap(async (number) => settle().then(() => `${number}:${seen()}`)),
        toArray(),
      );
      return [...all, ...(await lastValueFrom(observed))];
    });

    expect(collected).toEqual(['1:a', 'a', '2:a', 'a', '3:a']);
  });

  it('a thousand interleaved contexts are never mixed up', async () => {
    const strangers: string[] = [];
    const waits = [() => Promise.resolve(), () => settle(1), () => new Promise((go) => process.nextTick(go))];
    const request = async (number: number): Promise<void> => {
      for (let step = 0; step < 6; step++) {
        await waits[(number * 7 + step * step) % waits.length]!();
        if (seen() !== `req-${number}`) strangers.push(`req-${number} saw ${seen()}`);
      }
    };
    await Promise.all(Array.from({ length: 1000 }, (_, n) => inRequest(`req-${n}`, () => request(n))));

    expect(strangers).toEqual([]);
  });
});

describe('an application’s own cls-hooked namespace', () => {
  it('is taken by name where there is one already, else made', () => {
    clsHookedNamespace(own).run(rootFrame(), () =>
      expect(clsHookedNamespace('application').frame).toBeDefined(),
    );
    clsHookedNamespace('made');
    expect(getNamespace('made')).toBeDefined();
  });

  it('keeps its values visible inside a frame, at every depth', async () => {
    const namespace = clsHookedNamespace(own);
    const user = await own.runAndReturn(async () => {
      own.set('user', 'ada');
      return await namespace.run(rootFrame(), async () => {
        await settle();
        return namespace.run(rootFrame(), () => own.get('user') as unknown);
      });
    });

    expect(user).toBe('ada');
  });

  it('shows its values in the contexts that it opens inside of a frame, and the frame, too', async () => {
    const namespace = clsHookedNamespace(own);
    const seen = await namespace.run(withOwner(rootFrame(), undefined, 'a'), () =>
      own.runAndReturn(async () => {
        own.set('user', 'ada');
        await settle();
        return [own.get('user') as unknown, namespace.frame?.requestId];
      }),
    );

    expect(seen).toEqual(['ada', 'a']);
  });
});
