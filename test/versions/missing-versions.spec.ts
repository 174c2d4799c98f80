import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventSubscriber, type EntityManager, type EntitySubscriberInterface } from 'typeorm';
import type { EnlistOptions } from '@nest-transactional/core';
import { cases } from '../support/thoroughness.js';
import { Contract, Country, Draft, Leaflet, Line, Order, Page } from './entities.js';
import { MissingVersionError } from './library.js';
import {
  conflictOn,
  failureOf,
  perform,
  USUAL_SURROUNDINGS,
  VersionedDatabase,
} from './versioned-database.js';

/** What another writer does between the SELECT and the write of one and the same save(). */
let inBetween: (() => Promise<unknown>) | undefined;
const interrupt = async (): Promise<void> => {
  const once = inBetween;
  inBetween = undefined;
  await once?.();
};

@EventSubscriber()
class Interrupting implements EntitySubscriberInterface {
  beforeUpdate = interrupt;
  beforeRemove = interrupt;
  beforeSoftRemove = interrupt;
  beforeRecover = interrupt;
}

const ENTITIES = [Page, Country, Contract, Leaflet, Draft, Order, Line];
type Policy = 'database' | 'reject' | 'ignore';
let databases: Record<Policy, VersionedDatabase>;
let database: VersionedDatabase;

beforeAll(async () => {
  const options = { subscribers: [Interrupting] };
  const first = await VersionedDatabase.open(ENTITIES, options);
  databases = {
    database: first,
    reject: await first.beside(options, { versions: { missing: 'reject' } }),
    ignore: await first.beside(options, { versions: { missing: 'ignore' } }),
  };
});
beforeEach(async () => {
  inBetween = undefined;
  await databases.database.empty();
});
afterAll(async () => {
  await databases.reject.dataSource.destroy();
  await databases.ignore.dataSource.destroy();
  await databases.database.close();
});

type Target = typeof Page | typeof Contract | typeof Leaflet | typeof Draft;
type Versionless = { id: number; name: string; deletedAt?: Date | null };

/** Ways to write an entity that carries no version. */
const WRITES: Record<string, (manager: EntityManager, target: Target) => Promise<unknown>> = {
  'save of a plain object': (manager, target) => manager.save(target, { id: 1, name: 'changed' }),
  'save of a partial select': async (manager, target) => {
    const [found] = await manager.find<Versionless>(target, { select: { id: true, name: true } });
    await manager.save(target, Object.assign(found!, { name: 'changed' }));
  },
  'save without a version that was there': async (manager, target) => {
    const found = await manager.findOneByOrFail<Versionless>(target, { id: 1 });
    await manager.save(target, Object.assign(found, { name: 'changed', version: undefined as never }));
  },
  remove: (manager, target) => manager.remove(target, Object.assign(new target(), { id: 1 })),
  softRemove: (manager, target) => manager.softRemove(target, { id: 1, name: 'ours' }),
};

const usual = ['save of a plain object', 'save of a partial select', 'remove'];
const further = Object.keys(WRITES).filter((name) => !usual.includes(name));

describe.each(USUAL_SURROUNDINGS)('%s', (where) => {
  describe.each(cases(usual, further))('%s', (name) => {
    const write = WRITES[name]!;
    const run = (target: Target): Promise<unknown> =>
      perform(where, database, () => write(database.transactions.entityManager(), target));
    const seed = async (target: Target): Promise<Page> => database.seed(target, { name: 'ours' });

    it.each<[Policy, Target]>([
      ['database', Page],
      ['database', Leaflet],
      ['ignore', Page],
      ['reject', Leaflet],
      ['reject', Draft],
    ])('is done, and bumps the version, under %s for %p', async (policy, target) => {
      database = databases[policy];
      const row = await seed(target);
      await run(target);

      const stored = await database.stored(row);
      expect([undefined, 2]).toContain(stored?.version);
      expect(stored ?? {}).not.toMatchObject({ name: 'ours', deletedAt: null });
    });

    it.each<[Policy, Target]>([['database', Page]])(
      'is checked against what it has read itself under %s for %p',
      async (policy, target) => {
        database = databases[policy];
        const row = await seed(target);
        inBetween = () => database.interfere(row);

        expect(await failureOf(run(target))).toMatchObject(conflictOn(target.name, 1, 1));
        expect(await database.stored(row)).toMatchObject({ name: 'theirs', version: 2 });
      },
    );

    it.each<[Policy, Target]>([
      ['ignore', Page],
      ['database', Leaflet],
      ['reject', Leaflet],
    ])('is not checked under %s for %p', async (policy, target) => {
      database = databases[policy];
      const row = await seed(target);
      inBetween = () => database.interfere(row);
      await run(target);

      expect((await database.stored(row)) ?? {}).not.toMatchObject({ version: 2 });
    });

    it.each<[Policy, Target]>([
      ['reject', Page],
      ['reject', Contract],
      ['database', Contract],
      ['ignore', Contract],
    ])('is refused under %s for %p', async (policy, target) => {
      database = databases[policy];
      const row = await seed(target);
      const failure = await failureOf(run(target));

      expect(failure).toBeInstanceOf(MissingVersionError);
      expect(failure).toMatchObject({ code: 'MISSING_VERSION', entity: target.name });
      expect(await database.stored(row)).toMatchObject({ name: 'ours', version: 1, deletedAt: null });
    });
  });

  describe('where a missing version is refused', () => {
    const manager = (): EntityManager => database.transactions.entityManager();
    const whole = <T>(work: () => Promise<T>): Promise<T> => perform(where, database, work);
    beforeEach(() => {
      database = databases.reject;
    });

    it('a new entity needs none', async () => {
      await whole(() => manager().save(Page, { name: 'new' }));

      expect(await database.plainly(Page).find()).toMatchObject([{ name: 'new', version: 1 }]);
    });

    it('a new entity whose key was chosen by hand needs none', async () => {
      await whole(() => manager().save(Country, { code: 'fr', name: 'new' }));

      expect(await database.plainly(Country).find()).toMatchObject([{ name: 'new', version: 1 }]);
    });

    it('nothing of a batch is written', async () => {
      const page = await database.seed(Page, { name: 'ours' });
      const batch = [{ name: 'new' }, { id: 1, name: 'changed' }];

      expect(await failureOf(whole(() => manager().save(Page, batch)))).toBeInstanceOf(MissingVersionError);
      expect(await database.plainly(Page).find()).toEqual([page]);
    });

    it('nothing of a cascade is written', async () => {
      const order = await database.seed(Order, { name: 'ours', lines: [{ name: 'a' }] });
      const lines = [{ id: order.lines[0]!.id, name: 'changed' }, { name: 'new' }];
      const save = whole(() => manager().save(Order, { id: order.id, version: 1, name: 'changed', lines }));

      expect(await failureOf(save)).toMatchObject({ code: 'MISSING_VERSION', entity: 'Line' });
      expect(await database.plainly(Order).find()).toMatchObject([{ name: 'ours', version: 1 }]);
      expect(await database.plainly(Line).find()).toMatchObject([{ name: 'a', version: 1 }]);
    });

    it('an entity that is loaded whole is saved', async () => {
      const page = await database.seed(Page, { name: 'ours' });
      await whole(async () =>
        manager().save(Object.assign(await database.reloaded(page), { name: 'changed' })),
      );

      expect(await database.stored(page)).toMatchObject({ name: 'changed', version: 2 });
    });
  });

  it('an entity that opts out is as in plain TypeORM', async () => {
    database = databases.database;
    const draft = await database.reloaded(await database.seed(Draft, { name: 'ours' }));
    await database.interfere(draft);
    await perform(where, database, () =>
      database.repository(Draft).save(Object.assign(draft, { name: 'stale' })),
    );

    expect(await database.stored(draft)).toMatchObject({ name: 'stale' });
    await database.removeBehindItsBack(draft);
    await perform(where, database, () => database.repository(Draft).save(draft));
    expect(await database.plainly(Draft).count()).toBe(1);
  });
});

it.each<EnlistOptions>([{ versions: { missing: 'database' } }, { versions: {} }, {}])(
  'the database is asked where the options say %j',
  async (options) => {
    const { dataSource } = await databases.database.beside({}, options);
    await dataSource.manager.save(Page, { name: 'new' });
    await dataSource.manager.save(Page, { id: 1, name: 'changed' });

    expect(await dataSource.manager.find(Page)).toMatchObject([{ name: 'changed', version: 2 }]);
    await dataSource.destroy();
  },
);
