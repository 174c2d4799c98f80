import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { concatMap, firstValueFrom } from 'rxjs';
import { gate, settle } from '../support/gate.js';
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

describe('an Observable', () => {
  it('that is annotated does nothing before it is subscribed to', async () => {
    writers.annotated('a');
    await settle();

    expect(calls).toEqual([]);
  });

  it('that never ends is undone when it is unsubscribed from', async () => {
    const first = gate<unknown>();
    const subscription = writers.endless('a').subscribe({ error: first.fail });
    const isWritten = async (): Promise<boolean> => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query ILIKE 'insert%'`;
      return (await database.observer.query(sql)).rowCount! > 0;
    };
    while (!(await isWritten())) await settle();
    subscription.unsubscribe();
    await allHaveEnded();

    expect(await notes()).toEqual([]);
  });

  it('of a method that throws is an error notification', async () => {
    expect(await failureOf(all(writers.throwing()))).toBe(undo);
  });

  it('runs its hooks before it completes', async () => {
    const heard: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      const complete = (): void => {
        heard.push('completed');
        resolve();
      };
      writers.hooked(heard).subscribe({ complete, error: reject });
    });

    expect(heard).toEqual(['hook', 'completed']);
  });

  it('is refused by an error notification: MANDATORY outside of a transaction', async () => {
    expect(await failureOf(all(writers.mandatory('a')))).toMatchObject({ code: 'PROPAGATION' });
    expect(calls).toEqual([]);
  });

  it('tells when the server could not commit, in place of the last value', async () => {
    const deferred = writers.annotated('a').pipe(
      concatMap(async (value) => {
        await Promise.resolve();
        return value;
      }),
    );
    const seen: unknown[] = [];
    await run(() =>
      writers.notes.query(
        `ALTER TABLE note ADD CONSTRAINT later UNIQUE (likes) DEFERRABLE INITIALLY DEFERRED`,
      ),
    );
    try {
      await all(writers.annotated('first'));
      const failure = await failureOf(
        new Promise((resolve, reject) => {
          deferred.subscribe({
            next: (value) => seen.push(value),
            complete: () => resolve(1),
            error: reject,
          });
        }),
      );
      expect(failure).toMatchObject({ driverError: { code: '23505' } });
    } finally {
      await database.observer.query('ALTER TABLE note DROP CONSTRAINT later');
    }
    expect(seen).toEqual([]);
  });
});

describe('an Observable inside a transaction', () => {
  it.each([
    ['annotated', []],
    ['inferred', []],
    ['nested', ['outer']],
    ['apart', ['outer']],
  ] as const)('%s: leaves of a failure that its reader catches: %j', async (method, left) => {
    const work = run(async () => {
      await writers.notes.insert({ text: 'outer' });
      expect(await failureOf(all(writers[method]('a', 'fail')))).toBe(undo);
    });

    if (left.length > 0) await work;
    else expect(await failureOf(work)).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', cause: undo });
    expect(await notes()).toEqual(left);
  });

  it('that is left before its end undoes only its savepoint where it is NESTED', async () => {
    await run(async () => {
      await writers.notes.insert({ text: 'outer' });
      await firstValueFrom(writers.nested('a', 'b', 'c'));
    });

    expect(await notes()).toEqual(['outer']);
  });

  it('of SUPPORTS joins, or runs without one', async () => {
    expect(await all(writers.supports('a'))).toEqual([undefined]);
    await run(async () => {
      expect(await all(writers.supports('b'))).toEqual([writers.transactions.current!.id]);
    });

    expect(await notes()).toEqual(['a', 'b']);
  });
});
