import { Readable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { gate } from '../../../../test/support/gate.js';
import type { Boundary } from './boundary.js';
import { IterationWithin, readWithin } from './streamed-results.js';

const failure = new Error('no');
const refused = new Error('COMMIT was refused');
let events: unknown[];
let boundary: Boundary;

beforeEach(() => {
  events = [];
  boundary = {
    run: (work) => {
      events.push('step');
      return work();
    },
    complete: async (result) => void events.push(['complete', result]),
    fail: async (error) => {
      events.push(['fail', (error as Error).message]);
      return error;
    },
  };
});

async function* numbers(...all: (number | Error)[]): AsyncGenerator<number, string, unknown> {
  for (const each of all) {
    if (each instanceof Error) throw each;
    yield each;
  }
  return 'the end';
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => 'It did not fail.',
    (error: unknown) => error,
  );
}

describe('an iteration within a boundary', () => {
  const within = (...all: (number | Error)[]): IterationWithin<number, string, unknown> =>
    new IterationWithin(boundary, numbers(...all));

  it('takes each step inside, and completes the boundary at its end', async () => {
    const iteration = within(1, 2);

    expect(await iteration.next()).toEqual({ done: false, value: 1 });
    expect(await iteration.next()).toEqual({ done: false, value: 2 });
    expect(events).toEqual(['step', 'step']);
    expect(await iteration.next()).toEqual({ done: true, value: 'the end' });
    expect(events).toEqual(['step', 'step', 'step', ['complete', 'the end']]);
  });

  it('completes it when it is returned from', async () => {
    const iteration = within(1, 2);
    await iteration.next();

    expect(await iteration.return('early')).toEqual({ done: true, value: 'early' });
    expect(events.at(-1)).toEqual(['complete', 'early']);
  });

  it('fails it when a step throws; the reader gets what the boundary says', async () => {
    boundary.fail = async () => refused;

    expect(await failureOf(within(failure).next())).toBe(refused);
  });

  it('fails it when an error is thrown into it that it does not catch', async () => {
    const iteration = within(1);
    await iteration.next();

    expect(await failureOf(iteration.throw(failure))).toBe(failure);
    expect(events.at(-1)).toEqual(['fail', 'no']);
  });

  it('closes it once, however often it is asked on', async () => {
    const iteration = within();
    await iteration.next();
    await iteration.next();
    await iteration.return('again');

    expect(events).toEqual(['step', ['complete', 'the end']]);
  });

  it('is at its end after a failure', async () => {
    const iteration = within(failure);
    await failureOf(iteration.next());

    expect(await iteration.next()).toMatchObject({ done: true });
    expect(events).toEqual(['step', ['fail', 'no']]);
  });

  it('tells when it could not be completed, and is at its end then', async () => {
    boundary.complete = () => Promise.reject(refused);
    const iteration = within();

    expect(await failureOf(iteration.next())).toBe(refused);
    expect(await iteration.next()).toMatchObject({ done: true });
  });

  it('of a source without return and throw closes all the same', async () => {
    const source = (): AsyncIterator<number, string> => ({ next: async () => ({ value: 1 }) });

    expect(await new IterationWithin(boundary, source()).return('early')).toEqual({
      done: true,
      value: 'early',
    });
    expect(await failureOf(new IterationWithin(boundary, source()).throw(failure))).toBe(failure);
    expect(events.filter(Array.isArray)).toEqual([
      ['complete', 'early'],
      ['fail', 'no'],
    ]);
  });
});

describe('a stream within a boundary', () => {
  const within = (...all: (number | Error)[]): Readable =>
    readWithin(boundary, Readable.from(numbers(...all)));

  async function readAll(readable: Readable): Promise<unknown[]> {
    const chunks: unknown[] = [];
    for await (const chunk of readable) chunks.push(chunk);
    return chunks;
  }

  it('completes the boundary before its end', async () => {
    const order: unknown[] = [];
    const committed = gate();
    boundary.complete = async () => {
      await committed.opened;
      order.push('complete');
    };
    const readable = within(1, 2).on('end', () => order.push('end'));
    const reading = readAll(readable);
    committed.open();

    expect(await reading).toEqual([1, 2]);
    expect(order).toEqual(['complete', 'end']);
  });

  it('errs, and does not end, when it could not be completed', async () => {
    boundary.complete = () => Promise.reject(refused);
    let hasEnded = false;
    const readable = within(1).on('end', () => (hasEnded = true));

    expect(await failureOf(readAll(readable))).toBe(refused);
    expect(hasEnded).toBe(false);
  });

  it('fails the boundary, and errs, when its source does', async () => {
    expect(await failureOf(readAll(within(1, failure)))).toBe(failure);
    expect(events.filter(Array.isArray)).toEqual([['fail', 'no']]);
  });

  it.each([undefined, failure])('fails the boundary when it is destroyed (%p)', async (error) => {
    const source = Readable.from(numbers(1, 2));
    const readable = readWithin(boundary, source);
    const closed = new Promise((resolve) => readable.on('error', () => undefined).once('close', resolve));
    readable.destroy(error);
    await closed;

    expect(events).toEqual([['fail', error?.message ?? 'destroyed before its end']]);
    expect(source.destroyed).toBe(true);
  });

  it('reads on only as it is asked to', async () => {
    const source = Readable.from(numbers(...Array.from({ length: 100 }, (_, number) => number)), {
      highWaterMark: 2,
    });
    const readable = readWithin(boundary, source);
    await new Promise((resolve) => readable.once('readable', resolve));

    expect(readable.readableObjectMode).toBe(true);
    expect(readable.readableLength).toBeLessThanOrEqual(2);
    readable.destroy();
  });

  it('of bytes stays one of bytes', async () => {
    const readable = readWithin(
      boundary,
      Readable.from([Buffer.from('ab'), Buffer.from('cd')], { objectMode: false }),
    );

    expect(Buffer.concat((await readAll(readable)) as Buffer[]).toString()).toBe('abcd');
  });
});
