import { EventEmitter, on, once } from 'node:events';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { asapScheduler, firstValueFrom, from, map, mergeMap, observeOn, Subject, toArray } from 'rxjs';
import { gate } from '../../../../test/support/gate.js';
import { asyncLocalStorageNamespace } from './async-local-storage-namespace.js';
import { rootFrame, withOwner, type Frame } from './frame.js';

const namespace = asyncLocalStorageNamespace('spec');
const frameOf = (requestId: string): Frame => withOwner(rootFrame(), undefined, requestId);
const inRequest = <T>(id: string, work: () => T): T => namespace.run(frameOf(id), work);
const seen = (): string | undefined => namespace.frame?.requestId;

describe('a namespace', () => {
  it('has no frame outside of a run', () => {
    expect(namespace.frame).toBeUndefined();
  });

  it('hands on what the work returns or throws', () => {
    const failure = new Error('no');
    const fail = (): never => {
      throw failure;
    };

    expect(inRequest('a', () => 42)).toBe(42);
    expect(() => inRequest('a', fail)).toThrow(failure);
    expect(namespace.frame).toBeUndefined();
  });

  it('shows the innermost frame, and the outer one again after it', () => {
    const order: unknown[] = [];
    inRequest('outer', () => {
      inRequest('inner', () => order.push(seen()));
      order.push(seen());
    });

    expect(order).toEqual(['inner', 'outer']);
  });

  it('shares its storage with one of the same name, and with no other', () => {
    inRequest('a', () => {
      expect(asyncLocalStorageNamespace('spec').frame?.requestId).toBe('a');
      expect(asyncLocalStorageNamespace('other').frame).toBeUndefined();
      expect(asyncLocalStorageNamespace().frame).toBeUndefined();
    });
  });
});

describe('the frame follows', () => {
  it('each of parallel branches, also while one of them is in an inner frame', async () => {
    const innerIsIn = gate();
    const siblingHasLooked = gate();
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
  ])('%s', async (_name, schedule) => {
    const result = gate<string | undefined>();
    inRequest('a', () => schedule(() => result.open(seen())));

    expect(await result.opened).toBe('a');
  });

  it('an interval, each time it fires', async () => {
    const fired: unknown[] = [];
    const done = gate();
    inRequest('a', () => {
      const interval = setInterval(() => {
        if (fired.push(seen()) < 3) return;
        clearInterval(interval);
        done.open();
      }, 0);
    });
    await done.opened;

    expect(fired).toEqual(['a', 'a', 'a']);
  });

  it('whoever emits an event, and whoever awaits one', async () => {
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

  it('the stages of a stream', async () => {
    const transform = new Transform({
      objectMode: true,
      transform: (chunk, _encoding, done) => setImmediate(() => done(null, `${chunk}:${seen()}`)),
    });
    const collected: unknown[] = [];
    await inRequest('a', () =>
      pipeline(Readable.from(['1', '2', '3']), transform, async (source: AsyncIterable<unknown>) => {
        for await (const chunk of source) collected.push(chunk, seen());
      }),
    );

    expect(collected).toEqual(['1:a', 'a', '2:a', 'a', '3:a', 'a']);
  });

  it('the body of a loop over an async iterator that others feed', async () => {
    const emitter = new EventEmitter();
    const collected: unknown[] = [];
    const loop = inRequest('reader', async () => {
      for await (const [number] of on(emitter, 'number')) {
        collected.push(`${number}:${seen()}`);
        if (number === 2) break;
      }
    });
    inRequest('feeder', () => [1, 2].forEach((number) => emitter.emit('number', number)));
    await loop;

    expect(collected).toEqual(['1:reader', '2:reader']);
  });

  it('an async generator, into the call that iterates it', async () => {
    async function* numbers(): AsyncGenerator<string> {
      for (const number of [1, 2]) {
        await new Promise((resume) => setImmediate(resume));
        yield `${number}:${seen()}`;
      }
    }
    const collected = await inRequest('a', async () => {
      const all: string[] = [];
      for await (const each of numbers()) all.push(each);
      return all;
    });

    expect(collected).toEqual(['1:a', '2:a']);
  });

  it('the operators of an observable that is subscribed to inside', async () => {
    const numbers = from([1, 2]).pipe(
      observeOn(asapScheduler),
      mergeMap(async (number) => {
        await new Promise((resume) => setImmediate(resume));
        return number;
      }),
      map((number) => `${number}:${seen()}`),
      toArray(),
    );

    expect(await inRequest('a', () => firstValueFrom(numbers))).toEqual(['1:a', '2:a']);
  });

  it('whoever awaits a value that another request sends', async () => {
    const subject = new Subject<number>();
    const awaited = inRequest('reader', async () => [await firstValueFrom(subject), seen()]);
    inRequest('sender', () => subject.next(1));

    expect(await awaited).toEqual([1, 'reader']);
  });
});

it('never mixes up 10,000 interleaved contexts', async () => {
  const waits = [
    () => Promise.resolve(),
    () => new Promise((resume) => setImmediate(resume)),
    () => new Promise((resume) => process.nextTick(resume)),
    () => new Promise((resume) => setTimeout(resume, 0)),
  ];
  const strangers: string[] = [];
  const request = async (number: number): Promise<void> => {
    const id = `req-${number}`;
    for (let step = 0; step < 8; step++) {
      await waits[(number * 7 + step * step) % waits.length]!();
      if (seen() !== id) strangers.push(`${id} saw ${seen()}`);
    }
  };
  await Promise.all(Array.from({ length: 10_000 }, (_, n) => inRequest(`req-${n}`, () => request(n))));

  expect(strangers).toEqual([]);
});
