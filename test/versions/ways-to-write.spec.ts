import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EntitySchema, Repository, type DeepPartial, type EntityManager } from 'typeorm';
import { Car, Page, Postcard, Seat, Truck, Vehicle } from './entities.js';
import {
  conflictOn,
  failureOf,
  perform,
  USUAL_SURROUNDINGS,
  VersionedDatabase,
} from './versioned-database.js';

const Stamp = new EntitySchema<{ id: number; name: string; lock: number }>({
  name: 'Stamp',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    name: { type: 'text' },
    lock: { type: 'int', version: true },
  },
});

let database: VersionedDatabase;

beforeAll(async () => {
  database = await VersionedDatabase.open([Page, Postcard, Seat, Vehicle, Car, Truck, Stamp as never]);
});
afterAll(() => database.close());

class PageRepository extends Repository<Page> {
  rename(page: Page): Promise<Page> {
    return this.save(Object.assign(page, { name: 'changed' }));
  }
}

const changed = (page: Page): Page => Object.assign(page, { name: 'changed' });
const asDto = ({ id, version }: Page): DeepPartial<Page> => ({ id, version, name: 'changed' });

/** Each way to save a page. */
const WAYS: Record<string, (manager: EntityManager, page: Page) => Promise<unknown>> = {
  'a repository': (manager, page) => manager.getRepository(Page).save(changed(page)),
  'a manager': (manager, page) => manager.save(changed(page)),
  'a manager that is told the entity': (manager, page) => manager.save(Page, changed(page)),
  'a manager made by the data source': (manager, page) =>
    manager.dataSource.createEntityManager().save(changed(page)),
  'a repository class of its own': (manager, page) => new PageRepository(Page, manager).rename(page),
  'repository.extend()': (manager, page) => {
    const pages = manager.getRepository(Page).extend({
      rename(this: Repository<Page>) {
        return this.save(changed(page));
      },
    });
    return pages.rename();
  },
  'manager.withRepository()': (manager, page) =>
    manager.withRepository(new PageRepository(Page, database.dataSource.manager)).rename(page),
  'dataSource.transaction()': (manager, page) =>
    manager.dataSource.transaction((inner) => inner.save(changed(page))),
  'a query runner’s manager': async ({ dataSource }, page) => {
    const runner = dataSource.createQueryRunner();
    try {
      await runner.manager.save(changed(page));
    } finally {
      await runner.release();
    }
  },
  'a plain object': (manager, page) => manager.getRepository(Page).save(asDto(page)),
  'preload, with the version': async (manager, page) => {
    const pages = manager.getRepository(Page);
    await pages.save((await pages.preload(asDto(page)))!);
  },
  'merge into a new entity': (manager, page) => {
    const pages = manager.getRepository(Page);
    return pages.save(pages.merge(pages.create(), asDto(page)));
  },
  'a batch of one': (manager, page) => manager.save([changed(page)]),
  'reload: false': (manager, page) => manager.save(changed(page), { reload: false }),
  'listeners: false': (manager, page) => manager.save(changed(page), { listeners: false }),
  'transaction: false': (manager, page) => manager.save(changed(page), { transaction: false }),
  'data for subscribers': (manager, page) => manager.save(changed(page), { data: { by: 'ada' } }),
};

describe.each(USUAL_SURROUNDINGS)('%s', (where) => {
  describe.each(Object.entries(WAYS))('a save by %s', (_name, way) => {
    let page: Page;
    beforeEach(async () => {
      await database.empty(Page);
      page = await database.reloaded(await database.seed(Page, { name: 'ours' }));
    });
    const save = (): Promise<unknown> =>
      perform(where, database, () => way(database.transactions.entityManager(), page));

    it('bumps the version', async () => {
      await save();

      expect(await database.stored(page)).toMatchObject({ name: 'changed', version: 2 });
    });

    it('meets the version', async () => {
      await database.interfere(page);

      expect(await failureOf(save())).toMatchObject(conflictOn('Page', 1, 1));
      expect(await database.stored(page)).toMatchObject({ name: 'theirs', version: 2 });
    });
  });

  describe('an active record', () => {
    let card: Postcard;
    beforeEach(async () => {
      await database.empty(Postcard);
      card = await database.reloaded(await database.seed(Postcard, { name: 'ours' }));
    });

    it.each<[string, (card: Postcard) => Promise<unknown>]>([
      ['save()', (each) => Object.assign(each, { name: 'changed' }).save()],
      ['remove()', (each) => each.remove()],
      ['softRemove()', (each) => each.softRemove()],
      ['recover()', (each) => each.recover()],
    ])('meets the version in %s', async (name, write) => {
      if (name === 'recover()') await database.plainly(Postcard).softDelete(1);
      const expected = (card = await database.reloaded(card)).version;
      await database.interfere(card);

      expect(await failureOf(perform(where, database, () => write(card)))).toMatchObject(
        conflictOn('Postcard', 1, expected),
      );
      await perform(where, database, async () => write(await database.reloaded(card)));
      const stored = await database.stored(card);
      if (name === 'remove()') expect(stored).toBeNull();
      else expect(stored!.version).toBe(expected + 2);
    });
  });

  describe('children of one table', () => {
    it('each meet the version, and each is named as what it is', async () => {
      await database.empty(Vehicle);
      const car = await database.seed(Car, { name: 'car' });
      const truck = await database.seed(Truck, { name: 'truck' });
      await database.interfere(truck);
      const [one, other] = await database.repository(Vehicle).find({ order: { id: 'ASC' } });
      await perform(where, database, () =>
        database.dataSource.manager.save(
          [one!, other!].map((each) => Object.assign(each, { name: 'changed' })),
        ),
      );
      expect(await database.stored(car)).toMatchObject({ name: 'changed', version: 2 });
      expect(await database.stored(truck)).toMatchObject({ name: 'changed', version: 3 });

      Object.assign(truck, { load: 7 });
      const stale = perform(where, database, () => database.dataSource.manager.save(Vehicle, truck));
      expect(await failureOf(stale)).toMatchObject(conflictOn('Truck', 2, 1));
    });
  });
});

describe.each(USUAL_SURROUNDINGS)('%s', (where) => {
  it.each([{ reload: false }, { listeners: false }, { transaction: false }, {}])(
    'an entity that was saved with %j can be saved again, and removed',
    async (options) => {
      const pages = database.repository(Page);
      const page = await database.reloaded(await database.seed(Page, { name: 'ours' }));
      const save = (name: string): Promise<unknown> =>
        perform(where, database, () => pages.save(Object.assign(page, { name }), options));
      await save('first');
      expect(page.version).toBe(2);
      await save('second');
      expect(page.version).toBe(3);
      await perform(where, database, () => pages.softRemove(page, options));
      await perform(where, database, () => pages.recover(page, options));
      expect(page.version).toBe(5);
      expect(await database.stored(page)).toMatchObject({ name: 'second', version: 5 });

      await perform(where, database, () => pages.remove(page, options));
      expect(await database.plainly(Page).countBy({ name: 'second' })).toBe(0);
    },
  );
});

it('saves that are sent at once in one transaction each meet their own version', async () => {
  const pages = await Promise.all(['a', 'b', 'c', 'd'].map((name) => database.seed(Page, { name })));
  await database.interfere(pages[2]!);
  const results: string[] = [];
  const work = database.transactions.run(async (manager) => {
    const saves = await Promise.allSettled(pages.map((page) => manager.save(changed(page))));
    results.push(...saves.map(({ status }) => status));
  });

  expect(await failureOf(work)).toMatchObject({ cause: conflictOn('Page', pages[2]!.id, 1) });
  expect(results[2]).toBe('rejected');
  expect(pages.map(({ version }) => version)).toEqual([1, 1, 1, 1]);
});

it('an entity without a class meets the version, too', async () => {
  const { manager } = database.dataSource;
  const stamp = await manager.save('Stamp', { name: 'ours' });
  await manager.save('Stamp', Object.assign(stamp, { name: 'changed' }));
  expect(stamp).toMatchObject({ id: 1, lock: 2 });

  const failure = await failureOf(manager.save('Stamp', { id: 1, lock: 1, name: 'stale' }));
  expect(failure).toMatchObject(conflictOn('Stamp', 1, 1));
  expect(await failure.current()).toMatchObject({ name: 'changed', lock: 2 });
});

describe('the same entity twice in one batch', () => {
  const page = (): Promise<Page> => database.seed(Page, { name: 'ours' });
  beforeEach(() => database.empty(Page));

  it('is saved without a conflict with itself', async () => {
    const both = changed(await page());
    await database.repository(Page).save([both, both]);

    expect(both).toMatchObject({ name: 'changed' });
    expect(await database.stored(both)).toMatchObject({ name: 'changed', version: both.version });
  });

  it('is removed without a conflict with itself', async () => {
    const both = await page();
    await database.repository(Page).remove([both, both]);

    expect(await database.repository(Page).count()).toBe(0);
  });
});
