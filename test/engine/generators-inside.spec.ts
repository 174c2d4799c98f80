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
const run = <T>(work: () => Promise<T>): Promise<T> => writers.transactions.run(work);

describe('an async generator inside a transaction', () => {
  it.each([
    ['required', true],
    ['supports', true],
    ['mandatory', true],
    ['nested', true],
    ['apart', false],
  ] as const)('%s: is the same transaction: %s', async (method, isSame) => {
    const ids = await run(async () => [
      writers.transactions.current!.id,
      ...(await exhaust(writers[method]('a'))),
    ]);

    expect(new Set(ids).size).toBe(isSame ? 1 : 2);
    expect(await notes()).toEqual(['a']);
  });

  it.each([
    ['required', []],
    ['nested', ['outer']],
    ['apart', ['outer']],
  ] as const)('%s: leaves of a failure that its reader catches: %j', async (method, left) => {
    const work = run(async () => {
      await writers.notes.insert({ text: 'outer' });
      await failureOf(exhaust(writers[method]('a', 'fail')));
    });

    if (left.length > 0) await work;
    else expect(await failureOf(work)).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', cause: undo });
    expect(await notes()).toEqual(left);
  });

  it('that is read on after the end is refused, and writes nothing', async () => {
    const { generator } = await run(async () => {
      const started = writers.required('a', 'b');
      await started.next();
      return { generator: started };
    });

    expect(await failureOf(generator.next())).toMatchObject({ code: 'TRANSACTION_ENDED' });
    expect(await notes()).toEqual(['a']);
  });

  it('does not keep the transaction that it joins from being tried again', async () => {
    const attempts: number[] = [];
    await writers.transactions.run({ retry: 2 }, async () => {
      attempts.push(writers.transactions.current!.attempt);
      await exhaust(writers.required('a'));
      if (attempts.length < 2) await exhaust(writers.conflicting());
    });

    expect(attempts).toEqual([1, 2]);
    expect(await notes()).toEqual(['a']);
  });

  it('that is started only after the end has a transaction of its own', async () => {
    const { generator } = await run(async () => ({ generator: writers.required('a') }));
    await exhaust(generator);

    expect(await notes()).toEqual(['a']);
  });
});

describe('an async generator that may not run', () => {
  it('is refused at its first step: MANDATORY outside of a transaction', async () => {
    const generator = writers.mandatory('a');

    expect(await failureOf(generator.next())).toMatchObject({ code: 'PROPAGATION' });
    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(order).toEqual([]);
  });

  it('runs without a transaction where it is SUPPORTS', async () => {
    expect(await exhaust(writers.supports('a'))).toEqual([undefined]);
    expect(await failureOf(exhaust(writers.supports('b', 'fail')))).toBe(undo);
    expect(await notes()).toEqual(['a', 'b']);
  });
});
