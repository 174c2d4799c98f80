import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { firstValueFrom, lastValueFrom, take, type Observable } from 'rxjs';
import { settle } from '../support/gate.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { all, calls, undo, Writers } from './observable-writers.js';

let database: EnlistedDatabase;
let application: INestApplication;
let writers: Writers;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: [Writers] });
  writers = application.get(Writers);
});
beforeEach(async () => {
  calls.length = 0;
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

const notes = (): Promise<string[]> => database.notes();
const run = <T>(work: () => Promise<T>): Promise<T> => writers.transactions.run(work);

/** Resolves when no connection holds a transaction any more. */
async function allHaveEnded(): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`;
  while ((await database.observer.query(sql)).rowCount! > 0) await settle();
}

describe.each(['annotated', 'inferred'] as const)('an Observable (%s)', (method) => {
  it('is one transaction until it completes; by then it is stored', async () => {
    const ids = await all(writers[method]('a', 'b'));

    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^tx-/);
    expect(await notes()).toEqual(['a', 'b']);
  });

  it('is undone when it errs; its subscriber gets the error', async () => {
    expect(await failureOf(all(writers[method]('a', 'fail')))).toBe(undo);
    expect(await notes()).toEqual([]);
  });

  it('gives its last value only with what COMMIT said', async () => {
    const seen: string[][] = [];
    await new Promise<void>((complete, error) => {
      const next = (): void => void notes().then((texts) => seen.push(texts));
      writers[method]('a').subscribe({ next, complete, error });
    });
    await settle();
    await notes();

    expect(seen).toEqual([['a']]);
  });

  it.each<[string, (observable: Observable<unknown>) => Promise<unknown>]>([
    ['firstValueFrom()', firstValueFrom],
    ['lastValueFrom()', lastValueFrom],
    ['take(1)', (observable) => lastValueFrom(observable.pipe(take(1)))],
  ])('of one value is stored when %s has it', async (_name, read) => {
    await read(writers[method]('a'));

    expect(await notes()).toEqual(['a']);
  });

  it('that is left before its end is undone', async () => {
    await firstValueFrom(writers[method]('a', 'b', 'c'));
    await allHaveEnded();

    expect(await notes()).toEqual([]);
  });

  it('gives each further subscriber a transaction of its own', async () => {
    const observable = writers[method]('a');
    const [first] = await all(observable);
    await database.empty();
    const [second] = await all(observable);

    expect(second).not.toBe(first);
    expect(await notes()).toEqual(['a']);
    expect(calls).toHaveLength(2);
  });

  it('runs in parallel for two subscribers, each in its own transaction', async () => {
    const observable = writers[method]('a');
    const results = await Promise.allSettled([all(observable), all(observable)]);

    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await notes()).toEqual(['a']);
  });

  it('joins the transaction in which it is called and read', async () => {
    const work = run(async () => {
      const [id] = await all(writers[method]('a'));
      expect(id).toBe(writers.transactions.current!.id);
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await notes()).toEqual([]);
  });

  it('that is never subscribed to writes nothing, and holds nothing back at shutdown', async () => {
    const other = await startApplication({ providers: [Writers] });
    other.get(Writers)[method]('a');
    await other.close();

    expect(await notes()).toEqual([]);
  });
});
