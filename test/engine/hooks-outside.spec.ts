import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { afterCommit, afterCompletion, afterRollback, NoTransactionError } from '@nest-transactional/core';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

const undo = new Error('undo');
let database: EnlistedDatabase;

beforeAll(async () => {
  // One connection only: a hook that ran before it is free would wait for ever.
  database = await EnlistedDatabase.open({ extra: { max: 1 } });
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const run = <T>(work: () => T | Promise<T>): Promise<T> => database.transactions.run(work);

describe.each<[string, typeof afterCommit, Error | undefined]>([
  ['afterCommit', afterCommit, undefined],
  ['afterRollback', afterRollback, undo],
  ['afterCompletion', afterCompletion, undefined],
  ['afterCompletion', afterCompletion, undo],
])('a hook of %s', (_kind, register, failure) => {
  /** Runs `hook` at the end of a transaction; resolves when it has run. */
  async function after(hook: () => unknown): Promise<void> {
    const work = run(async () => {
      register(hook);
      await database.write('by the method');
      if (failure) throw failure;
    });
    expect(
      await work.then(
        () => undefined,
        (error: unknown) => error,
      ),
    ).toBe(failure);
  }
  const kept = failure ? [] : ['by the method'];

  it('runs outside, with the connection free: what a repository writes there is stored by itself', async () => {
    const seen: unknown[] = [];
    await after(async () => {
      seen.push(database.transactions.current);
      await database.write('by the hook');
      seen.push(await database.notes());
    });

    expect(seen).toEqual([undefined, ['by the hook', ...kept]]);
    expect(database.pool.idleCount).toBe(1);
  });

  it('may have a transaction of its own, with hooks of its own', async () => {
    const order: string[] = [];
    await after(async () => {
      const own = run(async () => {
        afterRollback(() => order.push('of its own'));
        await database.write('undone');
        throw undo;
      });
      await failureOf(own);
      await run(() => database.write('of its own'));
    });

    expect(order).toEqual(['of its own']);
    expect(await database.notes()).toEqual([...kept, 'of its own']);
  });

  it('has no transaction to register further hooks with', async () => {
    const caught: unknown[] = [];
    await after(() => {
      try {
        afterCommit(() => undefined);
      } catch (error) {
        caught.push(error);
      }
    });

    expect(caught).toEqual([expect.any(NoTransactionError)]);
  });
});

it('a hook keeps the request that its transaction belongs to', async () => {
  const seen: unknown[] = [];
  await database.transactions.withContext(
    () => run(() => afterCommit(() => seen.push(database.transactions.requestId))),
    { requestId: 'req-1' },
  );

  expect(seen).toEqual(['req-1']);
});

it('a hook of an inner transaction runs outside of the surrounding one, too, which may still be undone', async () => {
  const seen: unknown[] = [];
  await run(async () => {
    await database.transactions.run({ propagation: 'REQUIRES_NEW' }, () => {
      afterCommit(() => seen.push(database.transactions.current));
    });
    seen.push(database.transactions.current?.depth);
  });

  expect(seen).toEqual([undefined, 1]);
});
