import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { exhaust, order, undo, Writers } from './generator-writers.js';

let database: EnlistedDatabase;
let application: INestApplication;
let writers: Writers;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: [Writers] });
  writers = application.get(Writers);
});
beforeEach(async () => {
  order.length = 0;
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

const notes = (): Promise<string[]> => database.notes();

describe('an async generator with a transaction of its own', () => {
  it.each(['required', 'nested', 'apart', 'returned'] as const)(
    'is one transaction until it is exhausted; then, and not before, it is stored (%s)',
    async (method) => {
      const generator = writers[method]('a', 'b');
      const first = await generator.next();
      expect(await notes()).toEqual([]);
      const second = await generator.next();
      expect(second.value).toBe(first.value);
      expect(await generator.next()).toEqual({ done: true, value: 2 });

      expect(first.value).toMatch(/^tx-/);
      expect(await notes()).toEqual(['a', 'b']);
    },
  );

  it('is stored when it is returned from in the middle, with what was done until then', async () => {
    for await (const _id of writers.required('a', 'b', 'c')) break;

    expect(order).toEqual(['started', 'finally']);
    expect(await notes()).toEqual(['a']);
  });

  it('is undone when it throws; its reader gets the error, and the end from then on', async () => {
    const generator = writers.required('a', 'fail', 'b');
    await generator.next();

    expect(await failureOf(generator.next())).toBe(undo);
    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(await notes()).toEqual([]);
  });

  it('is undone when an error is thrown into it, and stored when it catches that', async () => {
    const generator = writers.required('a', 'b');
    await generator.next();

    expect(await failureOf(generator.throw(undo))).toBe(undo);
    expect(order).toEqual(['started', 'finally']);
    expect(await notes()).toEqual([]);
  });

  it('is stored when the loop that reads it throws: JavaScript merely returns from it', async () => {
    const loop = async (): Promise<void> => {
      for await (const _id of writers.required('a', 'b')) throw undo;
    };

    expect(await failureOf(loop())).toBe(undo);
    expect(await notes()).toEqual(['a']);
  });

  it('does nothing when it is never started, not even when it is returned from', async () => {
    writers.required('a');
    const returned = writers.required('b');

    expect(await returned.return(7)).toEqual({ done: true, value: 7 });
    expect(await returned.next()).toEqual({ done: true, value: undefined });
    expect(order).toEqual([]);
    expect(await notes()).toEqual([]);
  });

  it('that an error is thrown into before its start never runs', async () => {
    const generator = writers.required('a');

    expect(await failureOf(generator.throw(undo))).toBe(undo);
    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(order).toEqual([]);
  });

  it('tells its reader when the server could not commit', async () => {
    const generator = writers.required('a');
    const { value: id } = await generator.next();
    await database.observer.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() ` +
        `AND state = 'idle in transaction'`,
    );
    const failure = await failureOf(generator.next());

    expect(id).toBeDefined();
    expect(failure).toBeInstanceOf(Error);
    expect(await notes()).toEqual([]);
  });

  it('may be asked for several values at once', async () => {
    const generator = writers.required('a', 'b');
    const steps = await Promise.all([generator.next(), generator.next(), generator.next(), generator.next()]);

    expect(steps.map(({ done }) => done)).toEqual([false, false, true, true]);
    expect(await notes()).toEqual(['a', 'b']);
  });

  it('gets what is sent into it', async () => {
    const generator = writers.echo();
    await generator.next();
    expect(await generator.next('one')).toEqual({ done: false, value: 'one' });
    expect(await generator.return()).toEqual({ done: true, value: undefined });
  });

  it('is still an async generator to whoever looks at it', () => {
    const generator = writers.required();

    expect(Object.prototype.toString.call(generator)).toBe('[object AsyncGenerator]');
    expect(generator[Symbol.asyncIterator]()).toBe(generator);
  });

  it.each(['retried', 'limited'] as const)(
    'is not tried again: its reader has seen it (%s)',
    async (method) => {
      const failure = await failureOf(exhaust(writers[method]()));

      expect(failure).toMatchObject({ driverError: { code: '40001' } });
      expect(order).toEqual(['started', 'finally']);
    },
  );

  it('runs its hooks at its end', async () => {
    const generator = writers.hooked();
    await generator.next();
    expect(order).toEqual([]);
    await generator.next();

    expect(order).toEqual(['hook']);
  });

  it('does not lend its transaction to the loop that reads it', async () => {
    for await (const _id of writers.required('a')) {
      expect(writers.transactions.current).toBeUndefined();
      await writers.notes.insert({ text: 'by the reader' });
      expect(await notes()).toEqual(['by the reader']);
    }

    expect(await notes()).toEqual(['a', 'by the reader']);
  });
});
