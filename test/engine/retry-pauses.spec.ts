import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  TransactionTimeoutError,
  type RetryOptions,
  type TransactionOptions,
} from '@nest-transactional/core';
import { gate } from '../support/gate.js';
import { HeldClock, SkippingClock } from '../support/held-clock.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { withOwnHandle } from './own-handle.js';

let clock: SkippingClock;
let drawn: () => number;
let database: EnlistedDatabase;
let attempts: number[];

beforeAll(async () => {
  clock = new SkippingClock((ms) => ms <= 500);
  database = await EnlistedDatabase.open({}, { clock, random: () => drawn() });
});
beforeEach(async () => {
  drawn = () => 0;
  attempts = [];
  clock.skipped.length = 0;
  await database.empty();
});
afterAll(() => database.close());

const call = <T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T> =>
  database.transactions.run(options, work);

/** Makes the server fail with `code`, as a conflict would. */
const raise = (code: string): Promise<unknown> =>
  database.transactions
    .entityManager()
    .query(`DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '${code}'; END $$`);

/** Notes the attempt, writes, and fails with `code` as often as said. */
async function failing(times: number, code = '40001'): Promise<string> {
  const { attempt } = database.transactions.current!;
  attempts.push(attempt);
  await database.write(`attempt ${attempt}`);
  if (attempt <= times) await raise(code);
  return `at attempt ${attempt}`;
}

describe('the pauses', () => {
  const retry: RetryOptions = { maxRetries: 4, delayMs: 100, multiplier: 3, maxDelayMs: 500 };

  it('grow up to the longest', async () => {
    await failureOf(call({ retry: { ...retry, jitter: false } }, () => failing(9)));

    expect(clock.skipped).toEqual([100, 300, 500, 500]);
  });

  it('are drawn between nothing and that', async () => {
    const chances = [0.5, 0, 0.1, 1];
    drawn = () => chances.shift()!;
    await failureOf(call({ retry }, () => failing(9)));

    // One that is nothing is none.
    expect(clock.skipped).toEqual([50, 50, 500]);
  });

  it('hold no connection', async () => {
    const busy: number[] = [];
    drawn = () => busy.push(database.pool.totalCount - database.pool.idleCount);
    await call({ retry: 2 }, () => failing(2));

    expect(busy).toEqual([0, 0]);
  });
});

describe('one deadline covers all attempts', () => {
  const retry: RetryOptions = { maxRetries: 9, delayMs: 400, jitter: false, multiplier: 1 };

  const conflict = `DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '40001'; END $$`;

  it('a pause that would end behind it is not begun: the caller is told at once, with the cause', async () => {
    const seen: number[] = [];
    await withOwnHandle({ clock: new SkippingClock((ms) => ms === 400) }, async ({ transactions }) => {
      const work = transactions.run({ retry, timeoutMs: 1000, label: 'billing' }, async (em) => {
        await em.query('SELECT 1');
        seen.push(transactions.current!.remainingMs!);
        await em.query(conflict);
      });
      const failure = await failureOf(work);

      expect(failure).toBeInstanceOf(TransactionTimeoutError);
      expect(failure).toMatchObject({ timeoutMs: 1000, cause: { driverError: { code: '40001' } } });
      expect(failure.transaction).toContain('(billing)');
    });
    expect(seen).toEqual([1000, 600, 200]);
  });

  it('it interrupts a later attempt, too', async () => {
    const held = new HeldClock();
    const hangs = gate();
    await withOwnHandle({ clock: held, random: () => 0 }, async ({ transactions, pool }) => {
      const work = transactions.run({ retry: 1, timeoutMs: 1000 }, async (em) => {
        await em.query('SELECT 1');
        if (transactions.current!.attempt === 1) await em.query(conflict);
        hangs.open();
        await new Promise(() => undefined);
      });
      const failing = failureOf(work);
      while (await isStill(hangs.opened)) held.pass(0);
      held.pass(1000);

      expect(await failing).toBeInstanceOf(TransactionTimeoutError);
      expect(pool.idleCount).toBe(pool.totalCount);
    });
  });
});

/** Whether `promise` is still unsettled in the next turn. */
async function isStill(promise: Promise<unknown>): Promise<boolean> {
  const turn = new Promise<'still'>((resume) => setImmediate(() => resume('still')));
  return (await Promise.race([promise, turn])) === 'still';
}
