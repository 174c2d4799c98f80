import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TransactionEndedError } from '@nest-transactional/core';
import { gate, settle, watched } from '../support/gate.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(async () => {
  await database.empty();
  database.reported.length = 0;
});
afterAll(() => database.close());

/** Runs a transaction that leaves `late` behind, to start when the transaction has ended; returns how that ended. */
async function leaveBehind(late: () => Promise<unknown>, { fails = false } = {}): Promise<any> {
  const end = gate();
  const left = gate<Promise<unknown>>();
  const work = database.transactions.run({ label: 'forgetful' }, async (em) => {
    await em.insert(Note, { text: 'in time' });
    left.open(watched(end.opened.then(late)));
    if (fails) throw new Error('no');
  });
  await work.catch(() => undefined);
  end.open();
  return await failureOf(left.opened);
}

const LATE: Record<string, () => Promise<unknown>> = {
  'a repository': () => database.write('late'),
  'dataSource.query': () => database.dataSource.query(`INSERT INTO note (text) VALUES ('late')`),
  'dataSource.transaction()': () =>
    database.dataSource.transaction((em) => em.insert(Note, { text: 'late' })),
  'a builder': () =>
    database.dataSource.createQueryBuilder().insert().into(Note).values({ text: 'late' }).execute(),
  'a joining call': () => database.transactions.run(() => database.write('late')),
  'a nested call': () => database.transactions.run({ propagation: 'NESTED' }, () => database.write('late')),
};

describe.each(Object.entries(LATE))('%s, after the end of its transaction', (_name, late) => {
  it('is refused and never autocommits', async () => {
    const failure = await leaveBehind(late);

    expect(failure).toBeInstanceOf(TransactionEndedError);
    expect(failure).toMatchObject({
      outcome: 'committed',
      transaction: expect.stringContaining('forgetful'),
    });
    expect(await database.notes()).toEqual(['in time']);
  });
});

describe('what comes too late', () => {
  it('hears how the transaction ended', async () => {
    expect(await leaveBehind(LATE['a repository']!, { fails: true })).toMatchObject({
      outcome: 'rolled-back',
    });
    expect(await database.notes()).toEqual([]);
  });

  it('is refused also through the entity manager of the transaction', async () => {
    const { transactions } = database;
    const em = await transactions.run((inside) => inside);

    await expect(em.insert(Note, { text: 'late' })).rejects.toBeInstanceOf(TransactionEndedError);
    await expect(em.query('SELECT 1')).rejects.toBeInstanceOf(TransactionEndedError);
  });

  it('is reported, because nobody may be listening', async () => {
    await leaveBehind(LATE['a repository']!);

    expect(database.reported.join()).toContain('(forgetful)');
  });

  it('finds no current transaction', async () => {
    const end = gate();
    const current = gate<unknown>();
    await database.transactions.run(async () => {
      void end.opened.then(() => current.open(database.transactions.current));
    });
    end.open();

    expect(await current.opened).toBeUndefined();
  });

  it('may stand apart from it', async () => {
    const end = gate();
    const late = gate<unknown>();
    await database.transactions.run(async () => {
      const apart = end.opened.then(() =>
        database.transactions.run({ propagation: 'REQUIRES_NEW' }, () => database.write('apart')),
      );
      apart.then(late.open, late.fail);
    });
    end.open();
    await late.opened;

    expect(await database.notes()).toEqual(['apart']);
  });
});

describe('a joined call that begins before the end and goes on after it', () => {
  it('is refused from the end on', async () => {
    const end = gate();
    const joined = gate<Promise<unknown>>();
    await database.transactions.run(async () => {
      const child = database.transactions.run(async () => {
        await database.write('in time');
        await end.opened;
        await database.write('late');
      });
      joined.open(watched(child));
      await settle(10);
      await database.write('last');
    });
    end.open();

    expect(await failureOf(joined.opened)).toBeInstanceOf(TransactionEndedError);
    expect(await database.notes()).toEqual(['in time', 'last']);
  });
});

describe('statements that nobody awaited', () => {
  it('are refused when they are not on the wire yet at the end', async () => {
    const fates: Promise<unknown>[] = [];
    await database.transactions.run(async () => {
      await database.write('awaited');
      for (let number = 0; number < 5; number++) fates.push(watched(database.write(`forgotten ${number}`)));
    });
    const refused = (await Promise.allSettled(fates)).filter(({ status }) => status === 'rejected').length;

    expect(refused).toBeGreaterThan(0);
    expect(await database.notes()).toHaveLength(1 + fates.length - refused);
  });

  it('leave no row behind in 60 rounds of 12 siblings of a branch that throws', async () => {
    const undone = new Error('a branch throws');
    const fates: Promise<unknown>[] = [];
    for (let round = 0; round < 60; round++) {
      const work = database.transactions.run(async () => {
        await database.write(`first ${round}`);
        const siblings = Array.from({ length: 12 }, (_, n) =>
          watched(database.write(`sibling ${round} ${n}`)),
        );
        fates.push(...siblings);
        await Promise.all([...siblings, Promise.resolve().then(() => Promise.reject(undone))]);
      });
      expect(await failureOf(work)).toBe(undone);
    }
    const results = await Promise.allSettled(fates);

    expect(results).toHaveLength(720);
    expect(results.some(({ status }) => status === 'rejected')).toBe(true);
    expect(await database.notes()).toEqual([]);
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });
});
