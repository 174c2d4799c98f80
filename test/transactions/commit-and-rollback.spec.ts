import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  await database.observer.query('CREATE TABLE seat (place int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
});
beforeEach(() => database.observer.query('TRUNCATE note, seat'));
afterAll(() => database.close());

describe('a transaction', () => {
  it('stores everything when the work resolves, and returns what it returned', async () => {
    const result = await database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await database.write('b');
      return 42;
    });

    expect(result).toBe(42);
    expect(await database.notes()).toEqual(['a', 'b']);
  });

  it('stores nothing when the work rejects, and rejects with the same error', async () => {
    const failure = new Error('out of paper');
    const work = database.transactions.run(async () => {
      await database.write('a');
      throw failure;
    });

    await expect(work).rejects.toBe(failure);
    expect(await database.notes()).toEqual([]);
  });

  it.each([undefined, null, 'a string', 0])('rejects with %p when the work does', async (thrown) => {
    const work = database.transactions.run(async () => {
      await database.write('a');
      throw thrown;
    });

    expect(await failureOf(work)).toBe(thrown);
    expect(await database.notes()).toEqual([]);
  });

  it('turns what synchronous work throws into a rejection', async () => {
    const failure = new Error('no');
    const work = database.transactions.run(() => {
      throw failure;
    });

    await expect(work).rejects.toBe(failure);
  });

  it('can be followed by any number of others on the same connection', async () => {
    for (const text of ['a', 'b', 'c']) {
      await database.transactions.run(() => database.write(text));
      await failureOf(database.transactions.run(() => database.write(text)));
    }

    expect(await database.notes()).toEqual(['a', 'b', 'c']);
    expect(database.pool.totalCount).toBe(1);
  });

  it('commits for an error that noRollbackFor names, and throws it all the same', async () => {
    const gone = new RangeError('gone');
    const work = database.transactions.run({ noRollbackFor: RangeError }, async () => {
      await database.write('a');
      throw gone;
    });

    await expect(work).rejects.toBe(gone);
    expect(await database.notes()).toEqual(['a']);
  });
});

describe('the current transaction', () => {
  it('is known inside only', async () => {
    expect(database.transactions.current).toBeUndefined();
    await database.transactions.run({ label: 'checkout', isolation: 'SERIALIZABLE', readOnly: true }, () => {
      expect(database.transactions.current).toMatchObject({
        label: 'checkout',
        isolation: 'SERIALIZABLE',
        readOnly: true,
        depth: 1,
        isRollbackOnly: false,
      });
    });
    expect(database.transactions.current).toBeUndefined();
  });

  it('has an id that no other has', async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(() => database.transactions.run(() => database.transactions.current!.id)),
    );

    expect(new Set(ids).size).toBe(3);
  });

  it('gives its entity manager to whoever asks', async () => {
    const { transactions, dataSource } = database;
    expect(transactions.entityManager()).toBe(dataSource.manager);
    await transactions.run((em) => {
      expect(em).not.toBe(dataSource.manager);
      expect(transactions.entityManager()).toBe(em);
    });
  });

  it('can be condemned: it is rolled back, and the caller is told', async () => {
    const work = database.transactions.run(async () => {
      await database.write('a');
      database.transactions.current!.setRollbackOnly();
      expect(database.transactions.current!.isRollbackOnly).toBe(true);
    });

    expect(await failureOf(work)).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', outcome: 'rolled-back' });
    expect(await database.notes()).toEqual([]);
  });
});

describe('a COMMIT that a deferred constraint refuses', () => {
  const sitTwice = (): Promise<unknown> =>
    database.transactions.run(async (em) => {
      await em.query('INSERT INTO seat VALUES (1)');
      await em.query('INSERT INTO seat VALUES (1)');
    });

  it('rejects with the server’s own error, and nothing is stored', async () => {
    const failure = await failureOf(sitTwice());

    expect(failure.driverError).toMatchObject({ code: '23505', table: 'seat' });
    expect((await database.observer.query('SELECT FROM seat')).rowCount).toBe(0);
  });

  it('leaves the connection healthy, and it is used again', async () => {
    await failureOf(sitTwice());
    const clients = database.pool.totalCount;
    await database.transactions.run(() => database.write('after'));

    expect(await database.notes()).toEqual(['after']);
    expect(database.pool.totalCount).toBe(clients);
    expect(database.pool.idleCount).toBe(clients);
  });
});
