import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  firstValueFrom,
  from,
  isObservable,
  lastValueFrom,
  of,
  Subject,
  toArray,
  type Observable,
} from 'rxjs';
import { settle } from '../../../../test/support/gate.js';
import {
  deferredGenerator,
  deferredObservable,
  isStreamed,
  passThrough,
  type CallHolding,
  type Streamed,
} from './returned-streams.js';

const failure = new Error('no');
const refused = new Error('COMMIT was refused');
let calls: string[];

beforeEach(() => {
  calls = [];
});

/** A call as the workflow makes it: it begins, waits for the stream to end, and commits unless `commit` refuses. */
function calling(method: () => unknown, commit: () => void = () => undefined): CallHolding {
  return async (hold) => {
    calls.push('begin');
    try {
      const returned = method();
      if (isStreamed(returned)) await hold(returned, (work) => work());
      else await returned;
    } catch (error) {
      calls.push('rollback');
      throw error;
    }
    commit();
    calls.push('commit');
    return 'result';
  };
}

const refuse = (): never => {
  throw refused;
};

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'It did not fail.',
    (error: unknown) => error,
  );
}

async function* numbers(): AsyncGenerator<number> {
  calls.push('body');
  yield 1;
  yield 2;
}

describe('what a method returns is', () => {
  it.each<[string, unknown, boolean]>([
    ['an Observable', of(1), true],
    ['a Subject', new Subject(), true],
    ['a Readable', Readable.from([]), true],
    ['an async generator', numbers(), true],
    ['a transactional async generator', deferredGenerator(calling(numbers)), true],
    ['a promise', Promise.resolve(), false],
    ['an array', [1], false],
    ['a generator', [1][Symbol.iterator](), false],
    ['nothing', undefined, false],
  ])('a stream or not: %s', (_what, value, expected) => {
    expect(isStreamed(value)).toBe(expected);
  });
});

describe('passed through', () => {
  it('a promise is what the call returns', async () => {
    expect(await passThrough(calling(async () => 1))).toBe('result');
    expect(await failureOf(passThrough(calling(() => Promise.reject(failure))) as Promise<unknown>)).toBe(
      failure,
    );
  });

  it('a stream stands for the one that was returned, and holds the call until its end', async () => {
    const readable = passThrough(calling(() => Readable.from([1]))) as Readable;
    await settle();
    expect(calls).toEqual(['begin']);
    for await (const chunk of readable) expect(chunk).toBe(1);

    expect(calls).toEqual(['begin', 'commit']);
  });

  it.each<[string, () => Streamed, (streamed: never) => Promise<unknown>]>([
    ['a Readable', () => Readable.from([]), (readable: Readable) => readable.toArray()],
    ['an async generator', async function* () {}, (generator: AsyncGenerator) => generator.next()],
    ['an Observable', () => from([1]), (observable: Observable<unknown>) => lastValueFrom(observable)],
  ])('%s tells what COMMIT said', async (_what, method, read) => {
    const streamed = passThrough(calling(method, refuse)) as never;

    expect(await failureOf(read(streamed))).toBe(refused);
  });
});

describe('an Observable', () => {
  it('keeps each value back until the next one, and the last one until COMMIT', async () => {
    const subject = new Subject<number>();
    const seen: unknown[] = [];
    (passThrough(calling(() => subject)) as Observable<unknown>).subscribe((value) => seen.push(value));
    subject.next(1);
    expect(seen).toEqual([]);
    subject.next(2);
    expect(seen).toEqual([1]);
    subject.complete();
    await settle();

    expect(seen).toEqual([1, 2]);
    expect(calls).toEqual(['begin', 'commit']);
  });

  it('gives no value when COMMIT is refused', async () => {
    const observable = passThrough(calling(() => of(1), refuse)) as Observable<unknown>;

    expect(await failureOf(firstValueFrom(observable))).toBe(refused);
  });

  it('that is left by its subscriber is rolled back, and its source is left, too', async () => {
    const subject = new Subject();
    (passThrough(calling(() => subject)) as Observable<unknown>).subscribe().unsubscribe();
    await settle();

    expect(calls).toEqual(['begin', 'rollback']);
    expect(subject.observed).toBe(false);
  });

  it('that completes while it is subscribed to is as good as any', async () => {
    const observable = passThrough(calling(() => from([1, 2]))) as Observable<unknown>;

    expect(await lastValueFrom(observable.pipe(toArray()))).toEqual([1, 2]);
    expect(calls).toEqual(['begin', 'commit']);
  });

  it('deferred, begins at each subscription', async () => {
    const observable = deferredObservable(calling(() => of(1)));
    expect(calls).toEqual([]);
    await lastValueFrom(observable);
    await lastValueFrom(observable);

    expect(calls).toEqual(['begin', 'commit', 'begin', 'commit']);
  });

  it('deferred, of a method that throws, returns a promise, or is refused, is still one', async () => {
    const throwing = deferredObservable(calling(() => refuse()));
    const promised = deferredObservable(calling(async () => 1));

    expect(isObservable(throwing)).toBe(true);
    expect(await failureOf(lastValueFrom(throwing))).toBe(refused);
    expect(await lastValueFrom(promised)).toBe('result');
  });
});

describe('a deferred async generator', () => {
  it('begins at its first step', async () => {
    const generator = deferredGenerator(calling(numbers));
    expect(calls).toEqual([]);
    await generator.next();
    expect(calls).toEqual(['begin', 'body']);
    await generator.return(undefined);
    expect(calls).toEqual(['begin', 'body', 'commit']);
  });

  it.each<[string, (generator: AsyncGenerator) => Promise<unknown>]>([
    ['returned from', (generator) => generator.return(undefined)],
    ['thrown into', (generator) => failureOf(generator.throw(failure))],
  ])('that is %s before never begins', async (_how, close) => {
    const generator = deferredGenerator(calling(numbers));
    await close(generator);

    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(calls).toEqual([]);
  });

  it('that is refused says so at its first step', async () => {
    const generator = deferredGenerator(() => Promise.reject(refused));

    expect(await failureOf(generator.next())).toBe(refused);
  });
});
