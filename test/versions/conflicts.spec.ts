import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Article, Ledger, Note, Page, Seat } from './entities.js';
import { OptimisticLockError, TransactionError, UnexpectedRollbackError } from './library.js';
import { conflictOn, failureOf, perform, SURROUNDINGS, VersionedDatabase } from './versioned-database.js';

let database: VersionedDatabase;
let page: Page;

beforeAll(async () => {
  database = await VersionedDatabase.open([Page, Note, Seat, Ledger, Article]);
});
beforeEach(async () => {
  await database.empty();
  page = await database.reloaded(await database.seed(Page, { name: 'ours' }));
});
afterAll(() => database.close());

const rename = (entity: Page, name = 'changed'): Promise<Page> =>
  database.repository(Page).save(Object.assign(entity, { name }));
const theirs = { name: 'theirs', version: 2 };

describe.each(SURROUNDINGS)('%s', (where) => {
  it('two writers of the same value are in conflict', async () => {
    const other = await database.reloaded(page);
    await perform(where, database, () => rename(page, 'the same'));

    expect(await failureOf(perform(where, database, () => rename(other, 'the same')))).toMatchObject(
      conflictOn('Page', 1, 1),
    );
    expect(await database.stored(page)).toMatchObject({ name: 'the same', version: 2 });
  });

  it('of two writers at once one is stored, and the other one is told', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => database.reloaded(page)));
    const results = await Promise.allSettled(
      all.map((each, index) => perform(where, database, () => rename(each, `writer ${index}`))),
    );

    const failures = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(failures.map(({ reason }) => reason.code)).toEqual(Array(3).fill('OPTIMISTIC_LOCK'));
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    expect(await database.stored(page)).toMatchObject({ name: `writer ${winner}`, version: 2 });
  });

  it('a removed row is not inserted again by a save', async () => {
    await database.removeBehindItsBack(page);
    const save = perform(where, database, () => rename(page));

    expect(await failureOf(save)).toMatchObject(conflictOn('Page', 1, 1));
    expect(await database.plainly(Page).count()).toBe(0);
  });

  it('a row that was soft-deleted meanwhile is in conflict', async () => {
    await database.plainly(Page).softDelete(1);

    expect(await failureOf(perform(where, database, () => rename(page)))).toMatchObject(
      conflictOn('Page', 1, 1),
    );
    expect(await database.stored(page)).toMatchObject({ name: 'ours', version: 2 });
  });

  it('what is loaded again can be saved', async () => {
    await database.interfere(page);
    await failureOf(perform(where, database, () => rename(page)));
    await perform(where, database, async () => rename(await database.reloaded(page)));

    expect(await database.stored(page)).toMatchObject({ name: 'changed', version: 3 });
  });

  it('the error is one of ours, and says in words what it says in fields', async () => {
    await database.interfere(page);
    const failure = await failureOf(perform(where, database, () => rename(page)));

    expect(failure).toBeInstanceOf(OptimisticLockError);
    expect(failure).toBeInstanceOf(TransactionError);
    expect(failure.name).toBe('OptimisticLockError');
    expect(failure.message).toMatch(/Page.*1/);
  });

  it('the error has the row as it is now', async () => {
    await database.interfere(page);
    const failure = await failureOf(perform(where, database, () => rename(page)));
    const current = await failure.current();

    expect(current).toBeInstanceOf(Page);
    expect(current).toEqual(await database.stored(page));
  });

  it('the error has no row where it is gone', async () => {
    await database.removeBehindItsBack(page);
    const failure = await failureOf(perform(where, database, () => database.repository(Page).remove(page)));

    expect(await failure.current()).toBeNull();
  });
});

describe('the current row of a conflict', () => {
  it.each<[string, () => Promise<Seat | Ledger | Article>]>([
    ['a composite key', () => database.seed(Seat, { row: 'A', place: 1, name: 'ours' })],
    ['a bigint version', () => database.seed(Ledger, { name: 'ours' })],
    ['an embedded version', () => database.seed(Article, { name: 'ours' })],
  ])('is found by %s', async (_name, seed) => {
    const entity = await database.reloaded(await seed());
    await database.interfere(entity);
    const failure = await failureOf(
      database.dataSource.manager.save(Object.assign(entity, { name: 'changed' })),
    );

    expect(await failure.current()).toEqual(await database.stored(entity));
  });

  it('is read outside of the transaction that failed, also from inside of it', async () => {
    const seen: unknown[] = [];
    const work = database.transactions.run({ isolation: 'REPEATABLE READ' }, async () => {
      await database.repository(Page).find();
      await database.interfere(page);
      const failure = await failureOf(rename(page));
      seen.push(await failure.current());
      throw failure;
    });

    expect(await failureOf(work)).toBeInstanceOf(OptimisticLockError);
    expect(seen).toEqual([expect.objectContaining(theirs)]);
  });

  it('is read anew each time', async () => {
    await database.interfere(page);
    const failure = await failureOf(rename(page));
    expect(await failure.current()).toMatchObject(theirs);
    await database.removeBehindItsBack(page);

    expect(await failure.current()).toBeNull();
  });
});

describe('a conflict that is caught', () => {
  it('rolls the transaction back all the same, with the conflict as the reason', async () => {
    await database.interfere(page);
    const work = database.transactions.run(async () => {
      await database.repository(Note).insert({ name: 'beside' });
      const failure = await failureOf(rename(page));
      expect(failure).toBeInstanceOf(OptimisticLockError);
      expect(database.transactions.current!.isRollbackOnly).toBe(true);
    });

    const failure = await failureOf(work);
    expect(failure).toBeInstanceOf(UnexpectedRollbackError);
    expect(failure.cause).toBeInstanceOf(OptimisticLockError);
    expect(await database.plainly(Note).count()).toBe(0);
  });

  it('keeps nothing of the other writes of the same save', async () => {
    const other = await database.seed(Page, { name: 'other' });
    await database.interfere(page);
    const work = database.transactions.run(async () => {
      const both = [other, page].map((each) => Object.assign(each, { name: 'changed' }));
      await database
        .repository(Page)
        .save(both)
        .catch(() => undefined);
    });

    expect(await failureOf(work)).toBeInstanceOf(UnexpectedRollbackError);
    expect(await database.stored(other)).toMatchObject({ name: 'other', version: 1 });
  });

  it('in a NESTED call undoes that call alone', async () => {
    await database.interfere(page);
    await database.transactions.run(async () => {
      await database.repository(Note).insert({ name: 'outer' });
      const nested = database.transactions.run({ propagation: 'NESTED' }, async () => {
        await database.repository(Note).insert({ name: 'nested' });
        await rename(page);
      });
      expect(await failureOf(nested)).toMatchObject(conflictOn('Page', 1, 1));
    });

    expect(await database.plainly(Note).find()).toEqual([{ id: 1, name: 'outer' }]);
  });

  it('swallowed in a NESTED call undoes that call alone, too', async () => {
    await database.interfere(page);
    await database.transactions.run(async () => {
      await database.repository(Note).insert({ name: 'outer' });
      const nested = database.transactions.run({ propagation: 'NESTED' }, async () => {
        await database.repository(Note).insert({ name: 'nested' });
        await rename(page).catch(() => undefined);
      });
      expect(await failureOf(nested)).toBeInstanceOf(UnexpectedRollbackError);
    });

    expect(await database.plainly(Note).find()).toEqual([{ id: 1, name: 'outer' }]);
  });
});

describe.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)('at %s', (isolation) => {
  it.each<[string, (entity: Page) => Promise<unknown>, boolean]>([
    ['save', rename, false],
    ['remove', (entity) => database.repository(Page).remove(entity), false],
    ['softRemove', (entity) => database.repository(Page).softRemove(entity), false],
    ['recover', (entity) => database.repository(Page).recover(entity), true],
  ])(
    'the server’s refusal of a %s is a conflict, with the refusal as its cause',
    async (_name, write, isDeleted) => {
      if (isDeleted) await database.plainly(Page).softDelete(1);
      const work = database.transactions.run({ isolation }, async () => {
        const found = await database.reloaded(page);
        await database.interfere(page);
        await write(found);
      });

      const failure = await failureOf(work);
      expect(failure).toMatchObject(conflictOn('Page', 1, isDeleted ? 2 : 1));
      expect(failure.cause).toMatchObject({ driverError: { code: '40001' } });
      expect(await database.stored(page)).toMatchObject({ name: 'theirs' });
    },
  );
});
