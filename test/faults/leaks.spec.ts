import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterCommit } from '@nest-transactional/core';
import { rounds } from '../support/thoroughness.js';
import { StrickenDatabase, fateOf } from './stricken-database.js';

const WITHOUT_SQL = rounds({ usual: 10_000, thorough: 200_000 });
const WITH_SQL = rounds({ usual: 1000, thorough: 5000 });
const AT_ONCE = 50;
/** What a leak of one small object for each transaction would exceed by far, in bytes for each. */
const TOLERANCE = 24;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
afterAll(() => database.close());

function heapUsed(): number {
  for (let round = 0; round < 3; round++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Works off `count` calls, some at once. */
async function perform(count: number, call: (number: number) => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => call(done + index)));
  }
}

/** How much more memory is in use after the second half of the calls than after the first, in bytes for each call. */
async function growth(count: number, call: (number: number) => Promise<unknown>): Promise<number> {
  await perform(count / 2, call);
  const before = heapUsed();
  await perform(count / 2, call);
  return (heapUsed() - before) / (count / 2);
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

describe('nothing is left over', () => {
  it(`of ${WITHOUT_SQL} transactions without SQL`, async () => {
    const { transactions } = database;
    const left = await growth(WITHOUT_SQL, () =>
      transactions.run(async () => {
        afterCommit(() => undefined);
      }),
    );

    expect(left).toBeLessThan(TOLERANCE);
  });

  it(`of ${WITH_SQL} transactions with SQL, of which some fail, wait and open others`, async () => {
    const { transactions } = database;
    await perform(AT_ONCE, () => transactions.run((em) => em.query('SELECT 1')));
    const timersBefore = timers();
    const left = await growth(WITH_SQL, (number) =>
      fateOf(
        transactions.run({ timeoutMs: 60_000 }, async (em) => {
          await em.query('SELECT 1');
          if (number % 5 === 0) await em.query('SELECT 1/0');
          if (number % 5 === 1) await transactions.run({ propagation: 'NESTED' }, () => em.query('SELECT 2'));
          if (number % 5 === 2) throw new Error('undo');
        }),
      ),
    );
    const { pool } = database;
    const client = await pool.connect();
    const listeners = Object.fromEntries(
      client.eventNames().map((name) => [String(name), client.listenerCount(name)]),
    );
    client.release();

    expect(left).toBeLessThan(40 * TOLERANCE);
    expect(timers()).toBeLessThanOrEqual(timersBefore);
    expect(Math.max(0, ...Object.values(listeners))).toBeLessThanOrEqual(2);
    await database.expectHealthy();
  }, 60_000);
});
