import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, Entity, PrimaryColumn, VersionColumn, type DeepPartial, type EntityManager } from 'typeorm';
import { Article, Country, Ledger, Letter, Page, Ticket } from './entities.js';
import {
  conflictOn,
  failureOf,
  perform,
  USUAL_SURROUNDINGS,
  VersionedDatabase,
} from './versioned-database.js';

class Lock {
  @VersionColumn({ name: 'number' })
  no!: number;
}

@Entity()
class Coupon {
  @PrimaryColumn()
  code!: string;

  @Column()
  name!: string;

  @Column(() => Lock)
  lock!: Lock;
}

let database: VersionedDatabase;

beforeAll(async () => {
  database = await VersionedDatabase.open([Page, Country, Ledger, Article, Ticket, Letter, Coupon]);
});
beforeEach(() => database.empty());
afterAll(() => database.close());

describe.each(USUAL_SURROUNDINGS)('%s, a version', (where) => {
  const manager = (): EntityManager => database.transactions.entityManager();
  const whole = <T>(work: () => Promise<T>): Promise<T> => perform(where, database, work);

  it.each([999, 0, -1, 2])(
    'of %p that a plain object carries is compared, and never stored',
    async (version) => {
      const page = await database.seed(Page, { name: 'ours' });
      const save = whole(() => manager().save(Page, { id: 1, version, name: 'changed' }));

      expect(await failureOf(save)).toMatchObject(conflictOn('Page', 1, version));
      expect(await database.stored(page)).toMatchObject({ name: 'ours', version: 1 });
    },
  );

  it('that is the only thing an object carries is compared, too', async () => {
    await database.seed(Page, { name: 'ours' });

    expect(await failureOf(whole(() => manager().save(Page, { id: 1, version: 7 })))).toMatchObject(
      conflictOn('Page', 1, 7),
    );
  });

  it('that is right lets the object be stored', async () => {
    const page = await database.seed(Page, { name: 'ours' });
    const saved = await whole(() => manager().save(Page, { id: 1, version: 1, name: 'changed' }));

    expect(saved).toMatchObject({ version: 2 });
    expect(await database.stored(page)).toMatchObject({ name: 'changed', version: 2 });
  });

  it('that was raised by hand in the entity is a conflict, and the row’s does not follow', async () => {
    const page = await database.seed(Page, { name: 'ours' });
    page.version++;

    expect(await failureOf(whole(() => manager().save(page)))).toMatchObject(conflictOn('Page', 1, 2));
    expect(await database.stored(page)).toMatchObject({ version: 1 });
  });

  it('that is given to a new entity without an id is not stored: it begins with 1', async () => {
    const page = await whole(() => manager().save(Page, { version: 7, name: 'new' }));

    expect(page).toMatchObject({ id: 1, version: 1 });
    expect(await manager().find(Page)).toMatchObject([{ version: 1 }]);
  });

  it('that is given to new entities of a batch is not stored', async () => {
    const pages = await whole(() =>
      manager().save(Page, [{ version: 7, name: 'a' }, { name: 'b' }, { version: 9, name: 'c' }]),
    );

    expect(pages.map(({ version }) => version)).toEqual([1, 1, 1]);
    expect(await manager().find(Page)).toMatchObject([{ version: 1 }, { version: 1 }, { version: 1 }]);
  });

  it('that is embedded or renamed is not stored either', async () => {
    await whole(() => manager().save(Article, { name: 'new', meta: { revision: 7 } }));
    await whole(() => manager().save(Ticket, { name: 'new', version: 7 }));

    expect(await manager().find(Article)).toMatchObject([{ meta: { revision: 1 } }]);
    expect(await manager().find(Ticket)).toMatchObject([{ version: 1 }]);
  });

  it('together with an id that no row has is one of a row that is gone', async () => {
    expect(
      await failureOf(whole(() => manager().save(Country, { code: 'fr', version: 3, name: 'new' }))),
    ).toMatchObject(conflictOn('Country', 'fr', 3));
    expect(await manager().count(Country)).toBe(0);
  });

  it('beyond 2^53 is compared to the last digit', async () => {
    const ledger = await database.seed(Ledger, { name: 'ours' });
    await database.plain.query('UPDATE ledger SET version = 9007199254740993');
    const found = await database.reloaded(ledger);
    await whole(() => manager().save(Object.assign(found, { name: 'changed' })));
    expect(found.version).toBe('9007199254740994');

    found.version = '9007199254740993';
    const stale = whole(() => manager().save(Object.assign(found, { name: 'stale' })));
    expect(await failureOf(stale)).toMatchObject(conflictOn('Ledger', 1, '9007199254740993'));
    expect(await database.stored(ledger)).toMatchObject({ name: 'changed', version: '9007199254740994' });
  });

  describe('in an upsert', () => {
    const upsert = (values: DeepPartial<Country> | DeepPartial<Country>[]): Promise<unknown> =>
      whole(() => manager().upsert(Country, values, ['code']));
    const stored = async (): Promise<string[]> =>
      (await manager().find(Country, { order: { code: 'ASC' } })).map(
        ({ code, name, version }) => `${code} ${name} ${version}`,
      );

    it('begins with 1, and goes up by 1', async () => {
      await upsert({ code: 'fr', name: 'new' });
      expect(await stored()).toEqual(['fr new 1']);
      await upsert({ code: 'fr', name: 'upserted' });
      await upsert({ code: 'fr', name: 'upserted' });

      expect(await stored()).toEqual(['fr upserted 3']);
    });

    it('is not stored where it is given', async () => {
      await upsert({ code: 'fr', name: 'new', version: 50 });
      expect(await stored()).toEqual(['fr new 1']);
      await upsert({ code: 'fr', name: 'upserted', version: 50 });

      expect(await stored()).toEqual(['fr upserted 2']);
    });

    it('goes up for the rows that were there only', async () => {
      await upsert({ code: 'fr', name: 'new' });
      await upsert(['de', 'fr', 'it'].map((code) => ({ code, name: 'upserted', version: 9 })));

      expect(await stored()).toEqual(['de upserted 1', 'fr upserted 2', 'it upserted 1']);
    });

    it('stays where nothing has changed and the caller asked for that', async () => {
      await upsert({ code: 'fr', name: 'new' });
      const options = { conflictPaths: ['code'], skipUpdateIfNoValuesChanged: true };
      await whole(() => manager().upsert(Country, { code: 'fr', name: 'new' }, options));
      expect(await stored()).toEqual(['fr new 1']);
      await whole(() => manager().upsert(Country, { code: 'fr', name: 'other' }, options));

      expect(await stored()).toEqual(['fr other 2']);
    });

    it('makes an entity that was loaded before stale', async () => {
      const country = await database.seed(Country, { code: 'fr', name: 'ours' });
      await upsert({ code: 'fr', name: 'ours' });

      expect(
        await failureOf(whole(() => manager().save(Object.assign(country, { name: 'stale' })))),
      ).toMatchObject(conflictOn('Country', 'fr', 1));
    });

    it('goes up whatever it is called', async () => {
      await manager().insert(Coupon, { code: 'a', name: 'new' });
      await whole(() => manager().upsert(Coupon, { code: 'a', name: 'upserted', lock: { no: 9 } }, ['code']));
      expect(await manager().find(Coupon)).toMatchObject([{ name: 'upserted', lock: { no: 2 } }]);

      await whole(() => manager().upsert(Coupon, { code: 'b', name: 'new', lock: { no: 9 } }, ['code']));
      expect(await manager().findBy(Coupon, { code: 'b' })).toMatchObject([{ lock: { no: 1 } }]);
    });
  });

  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    ['update()', (em) => em.update(Page, { id: 1 }, { name: 'changed' })],
    ['increment()', (em) => em.increment(Letter, { id: 1 }, 'copies', 5)],
    ['decrement()', (em) => em.decrement(Letter, { id: 1 }, 'copies', 5)],
    ['softDelete()', (em) => em.softDelete(Page, { id: 1 })],
    [
      'a query builder',
      (em) => em.createQueryBuilder().update(Page).set({ name: 'changed' }).where({ id: 1 }).execute(),
    ],
    [
      'the entity’s query builder',
      (em) => em.getRepository(Page).createQueryBuilder().softDelete().where({ id: 1 }).execute(),
    ],
  ])('goes up by %s as it does in TypeORM', async (_name, write) => {
    await database.seed(Page, { name: 'ours' });
    await database.seed(Letter, { name: 'ours' });
    await whole(() => write(manager()));
    const [page] = await database.plainly(Page).find({ withDeleted: true });
    const [letter] = await database.plainly(Letter).find();

    expect(page!.version + letter!.version).toBe(3);
  });

  it('does not hold back a write by criteria', async () => {
    const page = await database.seed(Page, { name: 'ours' });
    await database.interfere(page);
    await whole(() => manager().delete(Page, { id: 1 }));

    expect(await database.stored(page)).toBeNull();
  });
});
