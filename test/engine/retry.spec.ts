import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  beforeCommit,
  IncompatibleOptionsError,
  OutcomeUnknownError,
  RetriesExhaustedError,
  type RetryOptions,
  type TransactionOptions,
} from '@nest-transactional/core';
import { SkippingClock } from '../support/held-clock.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

let clock: SkippingClock;
let database: EnlistedDatabase;
let attempts: number[];

beforeAll(async () => {
  clock = new SkippingClock((ms) => ms <= 500);
  database = await EnlistedDatabase.open({}, { clock, random: () => 0 });
});
beforeEach(async () => {
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

describe('a transaction with retry', () => {
  it.each(['40001', '40P01'])('is tried again after %s, each time from nothing', async (code) => {
    expect(await call({ retry: 3 }, () => failing(2, code))).toBe('at attempt 3');

    expect(attempts).toEqual([1, 2, 3]);
    expect(await database.notes()).toEqual(['attempt 3']);
  });

  it('is tried as often as it says, and no more; then the caller gets the last cause', async () => {
    const failure = await failureOf(call({ retry: 2, label: 'billing' }, () => failing(9)));

    expect(failure).toBeInstanceOf(RetriesExhaustedError);
    expect(failure).toMatchObject({ attempts: 3, outcome: 'rolled-back', retryable: true });
    expect(failure.cause).toMatchObject({ driverError: { code: '40001' } });
    expect(failure.transaction).toContain('(billing)');
    expect(attempts).toEqual([1, 2, 3]);
    expect(await database.notes()).toEqual([]);
  });

  it('runs the hooks of the attempt that committed, and none of those that failed', async () => {
    const order: unknown[] = [];
    await call({ retry: 3 }, async () => {
      const { attempt } = database.transactions.current!;
      beforeCommit(() => order.push(['before', attempt]));
      afterCommit(() => order.push(['after', attempt]));
      afterRollback(() => order.push(['undone', attempt]));
      afterCompletion((outcome) => order.push([outcome, attempt]));
      await failing(2);
    });

    expect(order).toEqual([
      ['before', 3],
      ['after', 3],
      ['committed', 3],
    ]);
  });

  it('runs the hooks of a rollback once, when the last attempt has failed', async () => {
    const order: unknown[] = [];
    const work = call({ retry: 2 }, async () => {
      const { attempt } = database.transactions.current!;
      afterRollback(() => order.push(['undone', attempt]));
      afterCompletion((outcome) => order.push([outcome, attempt]));
      await failing(9);
    });
    await failureOf(work);

    expect(order).toEqual([
      ['undone', 3],
      ['rolled-back', 3],
    ]);
  });

  it('is one with an id of its own at each attempt, and tells which one it is', async () => {
    const ids: string[] = [];
    await call({ retry: 1 }, async () => {
      ids.push(database.transactions.current!.id);
      await call({ propagation: 'NESTED' }, () => failing(1));
    });

    expect(attempts).toEqual([1, 2]);
    expect(new Set(ids).size).toBe(2);
  });

  it('that commits at the first attempt waits for nothing', async () => {
    await call({ retry: 3 }, () => failing(0));

    expect(attempts).toEqual([1]);
    expect(clock.skipped).toEqual([]);
  });
});

describe('what decides is what the server said first', () => {
  it('not the 25P02 that follows it', async () => {
    const work = call({ retry: 1 }, async () => {
      await failing(1).catch(() => undefined);
      await database.write('follows');
    });
    await work;

    expect(attempts).toEqual([1, 2]);
  });

  it('also where the method swallowed it, and only COMMIT tells', async () => {
    await call({ retry: 1 }, () => failing(1).catch(() => undefined));

    expect(attempts).toEqual([1, 2]);
    expect(await database.notes()).toEqual(['attempt 2']);
  });

  it('also where the method threw something else', async () => {
    await call({ retry: 1 }, () =>
      failing(1).catch(() => {
        throw new Error('of the application');
      }),
    );

    expect(attempts).toEqual([1, 2]);
  });

  it('not a 40001 after another failure', async () => {
    const work = call({ retry: 3 }, async () => {
      await failing(1, '23505').catch(() => undefined);
      await raise('40001');
    });
    await failureOf(work);

    expect(attempts).toEqual([1]);
  });

  it('and not a failure that a savepoint has undone', async () => {
    await call({ retry: 1 }, async () => {
      await failureOf(call({ propagation: 'NESTED' }, () => raise('23505')));
      await failing(1);
    });

    expect(attempts).toEqual([1, 2]);
  });

  it('and not one that a savepoint set by hand has undone', async () => {
    await call({ retry: 1 }, async () => {
      const runner = database.dataSource.createQueryRunner();
      await runner.startTransaction();
      await failureOf(raise('23505'));
      await runner.rollbackTransaction();
      await failing(1);
    });

    expect(attempts).toEqual([1, 2]);
  });
});

describe('is not tried again', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['another failure of the server', () => failing(1, '23505')],
    ['an error of the application', () => failing(0).then(() => Promise.reject(new Error('no')))],
    [
      'an outcome that is unknown',
      () => failing(0).then(() => Promise.reject(new OutcomeUnknownError('tx-0', undefined))),
    ],
  ])('after %s', async (_what, work) => {
    await failureOf(call({ retry: 3 }, work));

    expect(attempts).toEqual([1]);
  });

  it('after a hook failed behind COMMIT, whatever `on` says', async () => {
    const work = call({ retry: { on: () => true } }, () => {
      afterCommit(() => Promise.reject(new Error('no')));
      return failing(0);
    });

    expect(await failureOf(work)).toMatchObject({ outcome: 'committed' });
    expect(attempts).toEqual([1]);
  });

  it('by a call that joined, which may not even ask for it', async () => {
    const work = call({}, async () => {
      await failing(0);
      await call({ retry: 1 }, () => failing(9));
    });
    const failure = await failureOf(work);

    expect(failure).toBeInstanceOf(IncompatibleOptionsError);
    expect(failure).toMatchObject({ option: 'retry' });
    expect(attempts).toEqual([1]);
  });
});

describe('`on`', () => {
  it('names further errors, and hears what the caller would', async () => {
    const heard: unknown[] = [];
    const error = new RangeError('busy');
    const retry: RetryOptions = { maxRetries: 1, on: (each) => heard.push(each) > 0 };
    const work = call({ retry }, () => failing(0).then(() => Promise.reject(error)));

    expect(await failureOf(work)).toMatchObject({ code: 'RETRIES_EXHAUSTED', cause: error });
    expect(heard).toEqual([error, error]);
  });
});
