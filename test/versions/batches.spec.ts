import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Ledger, Page, Seat } from './entities.js';
import { conflictOn, failureOf, perform, SURROUNDINGS, VersionedDatabase } from './versioned-database.js';

let database: VersionedDatabase;
let pages: Page[];

beforeAll(async () => {
  database = await VersionedDatabase.open([Page, Seat, Ledger]);
});
beforeEach(async () => {
  await database.empty();
  await database.plainly(Page).insert(['a', 'b', 'c', 'd', 'e'].map((name) => ({ name })));
  pages = await database.repository(Page).find({ order: { id: 'ASC' } });
});
afterAll(() => database.close());

const changed = (): Page[] => pages.map((page) => Object.assign(page, { name: `${page.name}!` }));
const stored = async (): Promise<string[]> => {
  const all = await database.plainly(Page).find({ order: { id: 'ASC' }, withDeleted: true });
  return all.map(({ name, version, deletedAt }) => `${name}${version}${deletedAt ? ' deleted' : ''}`);
};
const FOURTH_CHANGED = ['a1', 'b1', 'c1', 'theirs2', 'e1'];

describe.each(SURROUNDINGS)('%s, a batch', (where) => {
  it.each([undefined, 1, 2, 5])('is saved, every version bumped, in chunks of %p', async (chunk) => {
    await perform(where, database, () => database.repository(Page).save(changed(), chunk ? { chunk } : {}));

    expect(await stored()).toEqual(['a!2', 'b!2', 'c!2', 'd!2', 'e!2']);
    expect(pages.map(({ version }) => version)).toEqual([2, 2, 2, 2, 2]);
  });

  it.each([undefined, 1, 2, 5])(
    'with one stale entity is not saved at all, in chunks of %p',
    async (chunk) => {
      await database.interfere(pages[3]!);
      const save = perform(where, database, () =>
        database.repository(Page).save(changed(), chunk ? { chunk } : {}),
      );

      expect(await failureOf(save)).toMatchObject(conflictOn('Page', 4, 1));
      expect(await stored()).toEqual(FOURTH_CHANGED);
      expect(pages.map(({ version }) => version)).toEqual([1, 1, 1, 1, 1]);
    },
  );

  it.each([undefined, 2])('with one stale entity is not removed at all, in chunks of %p', async (chunk) => {
    await database.interfere(pages[3]!);
    const remove = perform(where, database, () =>
      database.repository(Page).remove(pages, chunk ? { chunk } : {}),
    );

    expect(await failureOf(remove)).toMatchObject(conflictOn('Page', 4, 1));
    expect(await stored()).toEqual(FOURTH_CHANGED);
    expect(pages.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
  });

  it('with one stale entity is neither soft-removed nor recovered', async () => {
    await database.interfere(pages[3]!);
    const softRemove = perform(where, database, () => database.repository(Page).softRemove(pages));
    expect(await failureOf(softRemove)).toMatchObject(conflictOn('Page', 4, 1));
    expect(await stored()).toEqual(FOURTH_CHANGED);

    await database.plainly(Page).softDelete([1, 2, 3]);
    const recover = perform(where, database, () => database.repository(Page).recover(pages.slice(0, 3)));
    expect(await failureOf(recover)).toMatchObject(conflictOn('Page', 1, 1));
    expect(await stored()).toEqual(['a2 deleted', 'b2 deleted', 'c2 deleted', 'theirs2', 'e1']);
  });

  it('with an entity whose row is gone is not removed', async () => {
    await database.removeBehindItsBack(pages[1]!);

    expect(
      await failureOf(perform(where, database, () => database.repository(Page).remove(pages))),
    ).toMatchObject(conflictOn('Page', 2, 1));
    expect(await stored()).toEqual(['a1', 'c1', 'd1', 'e1']);
  });

  it('of new, changed and unchanged entities stores each as it should', async () => {
    const [first, second] = pages;
    first!.name = 'changed';
    const added = database.repository(Page).create({ name: 'new' });
    await perform(where, database, () => database.repository(Page).save([first!, second!, added]));

    expect(await stored()).toEqual(['changed2', 'b1', 'c1', 'd1', 'e1', 'new1']);
    expect([first!.version, second!.version, added.version]).toEqual([2, 1, 1]);
  });

  it('of several kinds of entities tells which one is stale', async () => {
    const seat = await database.seed(Seat, { row: 'A', place: 1, name: 'seat' });
    const ledger = await database.reloaded(await database.seed(Ledger, { name: 'ledger' }));
    await database.interfere(ledger);
    const all = [pages[0]!, seat, ledger].map((each) => Object.assign(each, { name: 'changed' }));
    const save = perform(where, database, () => database.dataSource.manager.save(all));

    expect(await failureOf(save)).toMatchObject(conflictOn('Ledger', 1, '1'));
    expect(await stored()).toEqual(['a1', 'b1', 'c1', 'd1', 'e1']);
    expect(await database.stored(seat)).toMatchObject({ name: 'seat', version: 1 });
  });

  it('of entities with composite keys is removed, each by its own version', async () => {
    const row = (name: string): Promise<Seat[]> =>
      Promise.all([1, 2, 3].map((place) => database.seed(Seat, { row: name, place, name })));
    const seats = await row('A');
    await database.interfere(seats[1]!);
    const remove = (all: Seat[]): Promise<unknown> =>
      perform(where, database, () => database.repository(Seat).remove(all));

    expect(await failureOf(remove(seats))).toMatchObject(conflictOn('Seat', { row: 'A', place: 2 }, 1));
    expect(await database.plainly(Seat).count()).toBe(3);
    await remove(await database.repository(Seat).find());
    expect(await database.plainly(Seat).count()).toBe(0);
  });

  it('of two entities that changed versions is not taken for a fresh one', async () => {
    await database.interfere(pages[0]!);
    [pages[0], pages[1]] = [await database.reloaded(pages[0]!), pages[1]!];
    [pages[0]!.version, pages[1]!.version] = [pages[1]!.version, pages[0]!.version];

    expect(
      await failureOf(perform(where, database, () => database.repository(Page).remove(pages.slice(0, 2)))),
    ).toMatchObject({ code: 'OPTIMISTIC_LOCK' });
    expect(await stored()).toEqual(['theirs2', 'b1', 'c1', 'd1', 'e1']);
  });
});

it('a save without a transaction meets the version all the same, and keeps what was stored before', async () => {
  await database.interfere(pages[1]!);
  const save = database.repository(Page).save(changed().slice(0, 2), { transaction: false });

  expect(await failureOf(save)).toMatchObject(conflictOn('Page', 2, 1));
  const [first, second] = await stored();
  // TypeORM itself loads both before it writes the first, so either is right.
  expect(['a1', 'a!2']).toContain(first);
  expect(second).toBe('theirs2');
});
