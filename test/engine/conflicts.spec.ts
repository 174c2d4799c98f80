import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { afterCommit, type TransactionOptions } from '@nest-transactional/core';
import { gate } from '../support/gate.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open(
    { extra: { options: '-c deadlock_timeout=50ms' } },
    { random: () => 0 },
  );
});
beforeEach(async () => {
  await database.empty();
  await database.observer.query(`INSERT INTO note (text) VALUES ('one'), ('two')`);
});
afterAll(() => database.close());

const call = <T>(options: TransactionOptions, work: () => Promise<T>): Promise<T> =>
  database.transactions.run(options, work);
const attempt = (): number => database.transactions.current!.attempt;
const like = (id: number): Promise<unknown> =>
  database.dataSource.getRepository(Note).increment({ id }, 'likes', 1);
const likes = async (): Promise<number[]> =>
  (await database.observer.query('SELECT likes FROM note ORDER BY id')).rows.map(
    (row: { likes: number }) => row.likes,
  );

/** Where two branches meet: resolves when both have come. */
function meeting(): () => Promise<void> {
  const bothAreHere = gate();
  let here = 0;
  return async () => {
    if (++here === 2) bothAreHere.open();
    await bothAreHere.opened;
  };
}

/** Reads the likes of both notes, meets the other one at the first attempt, and adds one to the note `id`. */
function addUp(id: number, meet: () => Promise<void>): () => Promise<number> {
  return async () => {
    const notes = await database.dataSource.getRepository(Note).find();
    const sum = notes.reduce((total, note) => total + note.likes, 0);
    if (attempt() === 1) await meet();
    await database.dataSource.getRepository(Note).update({ id }, { likes: sum + 1 });
    return attempt();
  };
}

/** Locks both notes, in an order that is the other one's backwards, and meets it in between at the first attempt. */
function lockBoth(ids: [number, number], meet: () => Promise<void>): () => Promise<number> {
  return async () => {
    await like(ids[0]);
    if (attempt() === 1) await meet();
    await like(ids[1]);
    return attempt();
  };
}

describe('two transactions that cannot be put in an order (40001)', () => {
  const serializable = { isolation: 'SERIALIZABLE' } as const;

  it('fail without retry: one of them, as the server says', async () => {
    const meet = meeting();
    const results = await Promise.allSettled([
      call(serializable, addUp(1, meet)),
      call(serializable, addUp(2, meet)),
    ]);
    const failures = results.filter((each) => each.status === 'rejected');

    expect(failures).toHaveLength(1);
    expect(failures[0]!.reason).toMatchObject({ driverError: { code: '40001' } });
  });

  it('are both stored with it, as if one had come after the other', async () => {
    const meet = meeting();
    const options = { ...serializable, retry: 5 };
    const attempts = await Promise.all([call(options, addUp(1, meet)), call(options, addUp(2, meet))]);

    expect(attempts.toSorted()).toEqual([1, 2]);
    expect((await likes()).toSorted((one, other) => one - other)).toEqual([1, 2]);
  });

  it('may be told so by COMMIT only; then, too, hooks run for what is stored alone', async () => {
    const [hasRead, hasCommitted] = [gate(), gate()];
    const ran: number[] = [];
    const late = call({ ...serializable, retry: 2 }, async () => {
      await addUp(1, async () => {
        hasRead.open();
        await hasCommitted.opened;
      })();
      const number = attempt();
      afterCommit(() => ran.push(number));
    });
    await hasRead.opened;
    await call(serializable, async () => {
      await database.dataSource.getRepository(Note).find();
      await database.dataSource.getRepository(Note).update({ id: 2 }, { likes: 5 });
    });
    hasCommitted.open();
    await late;

    expect(ran).toEqual([2]);
    expect(await likes()).toEqual([6, 5]);
  });

  it('leave none out among fifty that count at REPEATABLE READ', async () => {
    const options = { isolation: 'REPEATABLE READ', retry: { maxRetries: 100, delayMs: 1 } } as const;
    const countUp = async (): Promise<void> => {
      const note = await database.dataSource.getRepository(Note).findOneByOrFail({ id: 1 });
      await database.dataSource.getRepository(Note).update({ id: 1 }, { likes: note.likes + 1 });
    };
    await Promise.all(Array.from({ length: 50 }, () => call(options, countUp)));

    expect(await likes()).toEqual([50, 0]);
  });
});

describe('two transactions that wait for each other (40P01)', () => {
  it('fail without retry: one of them', async () => {
    const meet = meeting();
    const results = await Promise.allSettled([
      call({}, lockBoth([1, 2], meet)),
      call({}, lockBoth([2, 1], meet)),
    ]);
    const failures = results.filter((each) => each.status === 'rejected');

    expect(failures).toHaveLength(1);
    expect(failures[0]!.reason).toMatchObject({ driverError: { code: '40P01' } });
    expect(await likes()).toEqual([1, 1]);
  });

  it('are both stored with it', async () => {
    const meet = meeting();
    const attempts = await Promise.all([
      call({ retry: 3 }, lockBoth([1, 2], meet)),
      call({ retry: 3 }, lockBoth([2, 1], meet)),
    ]);

    expect(attempts.toSorted()).toEqual([1, 2]);
    expect(await likes()).toEqual([2, 2]);
  });

  it('are tried again though a method wrapped the failure, or swallowed it', async () => {
    const meet = meeting();
    const wrapping = (work: () => Promise<number>) => () =>
      work().catch((cause: unknown) => {
        throw new Error('transfer failed', { cause });
      });
    const swallowing = (work: () => Promise<number>) => () => work().catch(() => -1);
    const attempts = await Promise.all([
      call({ retry: 3 }, wrapping(lockBoth([1, 2], meet))),
      call({ retry: 3 }, swallowing(lockBoth([2, 1], meet))),
    ]);

    expect(attempts.toSorted()).toEqual([1, 2]);
    expect(await likes()).toEqual([2, 2]);
  });
});

it('a 40001 in a savepoint is cured only by the whole transaction', async () => {
  const seen: number[] = [];
  await call({ isolation: 'REPEATABLE READ', retry: 2 }, async () => {
    seen.push(attempt());
    await database.dataSource.getRepository(Note).find();
    if (attempt() === 1) await database.observer.query('UPDATE note SET likes = 5 WHERE id = 1');
    await call({ propagation: 'NESTED' }, () => like(1));
  });

  expect(seen).toEqual([1, 2]);
  expect(await likes()).toEqual([6, 0]);
});

it('an exhausted retry names what failed last', async () => {
  const failure = await failureOf(
    call({ isolation: 'REPEATABLE READ', retry: 1 }, async () => {
      await database.dataSource.getRepository(Note).find();
      await database.observer.query('UPDATE note SET likes = likes + 1 WHERE id = 1');
      await like(1);
    }),
  );

  expect(failure).toMatchObject({ code: 'RETRIES_EXHAUSTED', attempts: 2 });
  expect(failure.message).toContain('could not serialize access');
});
