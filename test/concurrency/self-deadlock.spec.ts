import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { outsideTransaction, SelfDeadlockError } from '@nest-transactional/core';
import { fateOf, StrickenDatabase, within } from '../faults/stricken-database.js';
import { gate, watched } from '../support/gate.js';

const PATIENCE_MS = 4500;
/** How long a NESTED call may be silent while a statement outside of it waits. */
const NESTED_WAIT_MS = 600;
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open({
    dataSource: { poolSize: 6 },
    enlist: { nestedWaitMs: NESTED_WAIT_MS },
  });
  await database.observer.query(
    'ALTER TABLE note ADD COLUMN slot int, ADD CONSTRAINT one_slot UNIQUE (slot) DEFERRABLE INITIALLY DEFERRED',
  );
});
beforeEach(async () => {
  await database.empty();
  await database.observer.query(`INSERT INTO note (text) VALUES ('row'), ('other')`);
});
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

const bump = (text = 'row'): Promise<unknown> =>
  database.dataSource.query('UPDATE note SET likes = likes + 1 WHERE text = $1', [text]);
const separate = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'REQUIRES_NEW' }, work);
const nested = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'NESTED' }, work);

async function likes(): Promise<number[]> {
  const { rows } = await database.observer.query<{ likes: number }>('SELECT likes FROM note ORDER BY text');
  return rows.map((row) => row.likes);
}

describe('a row that the suspended outer transaction has updated', () => {
  it.each<[string, (work: () => Promise<unknown>) => Promise<unknown>]>([
    ['REQUIRES_NEW', separate],
    ['NOT_SUPPORTED', (work) => database.transactions.run({ propagation: 'NOT_SUPPORTED' }, work)],
    ['outsideTransaction', (work) => outsideTransaction(work)],
    ['REQUIRES_NEW within REQUIRES_NEW', (work) => separate(() => separate(work))],
    ['a REQUIRED call within REQUIRES_NEW', (work) => separate(() => database.transactions.run(work))],
    ['NESTED within REQUIRES_NEW', (work) => separate(() => nested(work))],
  ])('is not waited for by %s', async (_name, apart) => {
    const fate = await fateOf(
      database.transactions.run(async () => {
        await bump();
        await apart(() => bump());
      }),
      PATIENCE_MS,
    );

    expect(fate).toBeInstanceOf(SelfDeadlockError);
    expect(fate.message).toMatch(/waits for/);
    expect(await likes()).toEqual([0, 0]);
  });

  it('leaves the outer transaction as it was when it catches the error', async () => {
    let inner: unknown;
    const fate = await fateOf(
      database.transactions.run(async () => {
        await bump();
        inner = await separate(() => bump()).catch((error: unknown) => error);
        await bump('other');
      }),
      PATIENCE_MS,
    );

    expect(fate).toBeUndefined();
    expect(inner).toBeInstanceOf(SelfDeadlockError);
    expect(await likes()).toEqual([1, 1]);
  });

  it('is not waited for behind a stranger that waits for it', async () => {
    const holds = { outer: gate(), stranger: gate() };
    const stranger = watched(
      database.transactions.run(async () => {
        await bump('other');
        holds.stranger.open();
        await holds.outer.opened;
        await bump('row');
      }),
    );
    const fate = await fateOf(
      database.transactions.run(async () => {
        await bump('row');
        holds.outer.open();
        await holds.stranger.opened;
        await separate(() => bump('other'));
      }),
      PATIENCE_MS,
    );
    await within(PATIENCE_MS, stranger, 'the stranger');

    expect(fate).toBeInstanceOf(SelfDeadlockError);
  });

  it('is not waited for crosswise, by two callers whose outer transactions are both suspended', async () => {
    const both = [gate(), gate()];
    const caller = (mine: string, other: string, [held, otherHeld] = both): Promise<any> =>
      fateOf(
        database.transactions.run(async () => {
          await bump(mine);
          held!.open();
          await otherHeld!.opened;
          await separate(() => bump(other));
        }),
        PATIENCE_MS,
      );
    const fates = await Promise.all([caller('row', 'other'), caller('other', 'row', both.toReversed())]);

    expect(fates.some((fate) => fate instanceof SelfDeadlockError)).toBe(true);
  });

  it('is not waited for by COMMIT, where a deferred constraint meets it', async () => {
    const insert = (text: string): Promise<unknown> =>
      database.dataSource.query('INSERT INTO note (text, slot) VALUES ($1, 1)', [text]);
    const fate = await fateOf(
      database.transactions.run(async () => {
        await insert('outer');
        await separate(() => insert('inner'));
      }),
      PATIENCE_MS,
    );

    expect(fate).toBeInstanceOf(SelfDeadlockError);
  });
});

describe('a lock of a stranger', () => {
  it('is waited for: no false alarm', async () => {
    const holder = await database.observer.connect();
    await holder.query(`BEGIN; UPDATE note SET likes = 5 WHERE text = 'other'`);
    const isWaiting = gate();
    const work = watched(
      database.transactions.run(async () => {
        await bump();
        await separate(async () => {
          isWaiting.open();
          await bump('other');
        });
      }),
    );
    await isWaiting.opened;
    await holder.query('SELECT pg_sleep(0.9); COMMIT');
    holder.release();
    await work;

    expect(await likes()).toEqual([6, 1]);
  });
});

describe('a NESTED call that awaits a statement which its outer scope has queued', () => {
  it('is told of the cycle', async () => {
    const fate = await fateOf(
      database.transactions.run(async () => {
        await bump();
        const isInside = gate();
        const isQueued = gate();
        let queued: Promise<unknown> = Promise.resolve();
        const inner = nested(async () => {
          await bump();
          isInside.open();
          await isQueued.opened;
          await queued;
        });
        await isInside.opened;
        queued = watched(bump('other'));
        isQueued.open();
        await inner;
      }),
      PATIENCE_MS,
    );

    expect(fate).toBeInstanceOf(SelfDeadlockError);
    expect(fate.message).toMatch(/NESTED/);
    expect(await likes()).toEqual([0, 0]);
  });
});

describe('a NESTED call that takes its time beside a statement of its outer scope', () => {
  it('is not taken for a cycle while something of it is at work', async () => {
    await database.transactions.run(async (em) => {
      await bump();
      await Promise.all([
        nested(async () => {
          await bump('other');
          await em.query('SELECT pg_sleep(1)');
        }),
        bump(),
      ]);
    });

    expect(await likes()).toEqual([1, 2]);
  });
});
