import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { TransactionEndedError } from '@nest-transactional/core';
import { StrickenDatabase } from '../faults/stricken-database.js';
import { gate, settle, watched } from '../support/gate.js';

const ROUNDS = 60;
const SIBLINGS = 12;
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
afterAll(async () => {
  await database.expectHealthy();
  await database.close();
});

/** Where the siblings of the branch that throws are when it throws. */
const MOMENTS: Record<string, (sibling: number) => Promise<unknown>> = {
  'after a turn of the event loop': () => settle(1),
  'each a turn later than the one before': (sibling) => settle(sibling + 1),
  'a microtask later': () => Promise.resolve(),
};

it.each(Object.entries(MOMENTS))(
  'refuses all writes of siblings that come after the end (%s)',
  async (_name, moment) => {
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const isOver = gate();
      const undone = new Error('a branch throws');
      const siblings: Promise<unknown>[] = [];
      const work = database.transactions.run(async () => {
        await database.write(`first ${round}`);
        for (let sibling = 0; sibling < SIBLINGS; sibling++) {
          const late = isOver.opened
            .then(() => moment(sibling))
            .then(() => database.write(`${round} ${sibling}`));
          siblings.push(watched(late));
        }
        await Promise.all([...siblings, Promise.reject(undone)]);
      });
      // The first thing that anybody can know of the end is the rejection itself.
      await expect(work.finally(() => isOver.open())).rejects.toBe(undone);
      for (const fate of await Promise.allSettled(siblings)) {
        if (fate.status === 'rejected' && fate.reason instanceof TransactionEndedError) refused++;
      }
    }

    expect(refused).toBe(ROUNDS * SIBLINGS);
    expect(await database.notes()).toEqual([]);
  },
);

it('stores nothing of siblings whose writes were under way when a branch threw', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const undone = new Error('a branch throws');
    const siblings: Promise<unknown>[] = [];
    const work = database.transactions.run(async () => {
      await database.write(`first ${round}`);
      for (let sibling = 0; sibling < SIBLINGS; sibling++) {
        siblings.push(watched(settle(sibling % 4).then(() => database.write(`${round} ${sibling}`))));
      }
      await Promise.all([...siblings, settle(2).then(() => Promise.reject(undone))]);
    });
    await expect(work).rejects.toBe(undone);
    await Promise.allSettled(siblings);
  }

  expect(await database.notes()).toEqual([]);
});

it('gives a connection back that arrives after the end of a transaction nobody waited in', async () => {
  const fates = await Promise.all(
    Array.from({ length: ROUNDS }, async (_, number) => {
      let forgotten: Promise<unknown> = Promise.resolve();
      await database.transactions.run(async () => {
        forgotten = watched(database.write(`forgotten ${number}`));
      });
      return (await Promise.allSettled([forgotten]))[0]!.status;
    }),
  );

  expect(new Set(fates)).toEqual(new Set(['rejected']));
  expect(await database.notes()).toEqual([]);
});
