import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DataSource, EntityManager, Logger, SaveOptions } from 'typeorm';
import { rounds } from '../support/thoroughness.js';
import { anyChange, anyLoad, loadedWhole, newTitle, type Change, type Load } from './sheet-changes.js';
import {
  behaviour,
  heard,
  Owner,
  Sheet,
  SealedSheet,
  SheetListener,
  timeless,
  WrappedSheet,
  type SheetClass,
} from './sheet.js';
import { openDataSource, VersionedDatabase } from './versioned-database.js';

const ROUNDS = rounds({ usual: 8, thorough: 500 });
const LIMIT_MS = 300_000;
let database: VersionedDatabase;
let typeOrm: DataSource;
let selects = 0;

const logger: Logger = {
  logQuery: (sql) => void (selects += Number(sql.startsWith('SELECT'))),
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};

beforeAll(async () => {
  const entities = [Sheet, WrappedSheet, SealedSheet, Owner];
  const options = { subscribers: [SheetListener], logger };
  database = await VersionedDatabase.open(entities, options);
  await database.plain.query('INSERT INTO owner VALUES (1), (2)');
  typeOrm = await openDataSource({ ...options, entities, synchronize: false, dropSchema: false });
});
afterAll(async () => {
  await typeOrm.destroy();
  await database.close();
});

/** The same sheet, as if nothing had happened to it. */
async function anew(target: SheetClass): Promise<void> {
  const { tableName } = database.plain.getMetadata(target);
  await database.plain.query(`TRUNCATE ${tableName} RESTART IDENTITY`);
  await database.plainly<Sheet>(target).insert({
    title: 'title',
    note: 'note',
    data: { inner: { deep: 1 }, list: [1, 2] },
    json: { deep: [1] },
    numbers: [1, 2],
    tags: ['a', 'b'],
    at: new Date('2001-01-01T01:01:01.001Z'),
    day: '2001-01-01',
    time: '01:01:01',
    price: '1.50',
    bytes: Buffer.from([1, 2, 3]),
    owner: { id: 1 },
    updatedAt: new Date('2001-01-01'),
  });
  heard.length = 0;
  selects = 0;
}

interface Save {
  readonly changes: readonly Change[];
  readonly options: SaveOptions;
}

/** Who saves, and whether the sheet was loaded where it is saved. */
const PATHS = {
  fast: (work: (manager: EntityManager) => Promise<void>) => database.transactions.run(work),
  slow: (work: (manager: EntityManager) => Promise<void>) => database.transactions.run(work),
  usual: (work: (manager: EntityManager) => Promise<void>) => typeOrm.transaction(work),
};

interface Scenario {
  readonly target: SheetClass;
  readonly load: Load;
  readonly saves: readonly Save[];
  readonly stamps: boolean;
}

/** Everything that can be seen of what the saves came to. */
async function outcomeOf(path: keyof typeof PATHS, scenario: Scenario): Promise<object> {
  const { load, saves } = scenario;
  const target = scenario.target as typeof Sheet;
  await anew(target);
  behaviour.stamps = scenario.stamps;
  const before = path === 'slow' ? await load.from(database.dataSource.manager, target) : undefined;
  const results: unknown[] = [];
  await PATHS[path](async (manager) => {
    const sheet = before ?? (await load.from(manager, target));
    for (const { changes, options } of saves) {
      for (const { apply } of changes) apply(sheet);
      const saved = await manager.save(sheet, options);
      results.push(structuredClone(timeless(saved)), saved === sheet);
    }
  });
  const row = await database.plainly(target).createQueryBuilder().select('*').getRawOne<Sheet>();
  return { results, row: timeless(row), events: [...heard] };
}

function savesWith(...options: SaveOptions[]): fc.Arbitrary<Save[]> {
  const save = fc.record({
    changes: fc.array(anyChange, { maxLength: 4 }),
    options: fc.constantFrom<SaveOptions>({}, {}, { listeners: false }, ...options),
  });
  return fc.array(save, { minLength: 1, maxLength: 3 });
}

/** Whatever chance brings, this one spares a SELECT. */
const PLAINEST: Scenario = {
  target: Sheet,
  load: loadedWhole,
  saves: [{ changes: [newTitle], options: {} }],
  stamps: false,
};

function scenariosWith(...options: SaveOptions[]): fc.Arbitrary<Scenario> {
  return fc.record({
    target: fc.constantFrom<SheetClass>(Sheet, Sheet, WrappedSheet),
    load: anyLoad,
    saves: savesWith(...options),
    stamps: fc.boolean(),
  });
}

describe(`by ${ROUNDS} random changes, an entity that was loaded in the transaction`, () => {
  it(
    'comes to the same as one that was loaded before it: row, events, entity',
    async () => {
      let spared = 0;
      await fc.assert(
        fc.asyncProperty(scenariosWith({ reload: false }), async (scenario) => {
          const fast = await outcomeOf('fast', scenario);
          const selectsOfFast = selects;
          expect(fast).toEqual(await outcomeOf('slow', scenario));
          if (selectsOfFast < selects) spared++;
        }),
        { numRuns: ROUNDS, endOnFailure: true, examples: [[PLAINEST]] },
      );

      // Else both paths are one.
      expect(spared).toBeGreaterThan(0);
    },
    LIMIT_MS,
  );

  it(
    'comes to the same as in TypeORM: row, events, entity',
    async () => {
      await fc.assert(
        fc.asyncProperty(scenariosWith(), async (scenario) => {
          expect(await outcomeOf('fast', scenario)).toEqual(await outcomeOf('usual', scenario));
        }),
        { numRuns: ROUNDS, endOnFailure: true },
      );
    },
    LIMIT_MS,
  );
});

describe('what is loaded in a transaction, and changed by another hand there,', () => {
  const loaded = (manager: EntityManager): Promise<Sheet> => manager.findOneByOrFail(Sheet, { id: 1 });
  /** Ways to write the row behind the back of the entity that was loaded. */
  const others: Record<string, (manager: EntityManager) => Promise<unknown>> = {
    'another instance': async (manager) =>
      manager.save(Object.assign(await loaded(manager), { title: 'other' })),
    'update()': (manager) => manager.update(Sheet, 1, { title: 'other' }),
    'a query builder': (manager) =>
      manager.createQueryBuilder().update(Sheet).set({ title: 'other' }).execute(),
    'delete()': (manager) => manager.delete(Sheet, 1),
    'SQL that bumps the version': (manager) =>
      manager.query(`UPDATE sheet SET title = 'other', version = version + 1 WHERE id = 1`),
  };

  it.each(Object.entries(others))('is stale: %s', async (_name, write) => {
    await anew(Sheet);
    const work = database.transactions.run(async (manager) => {
      const sheet = await loaded(manager);
      await write(manager);
      await manager.save(Object.assign(sheet, { note: 'mine' }));
    });

    await expect(work).rejects.toMatchObject({
      code: 'OPTIMISTIC_LOCK',
      entity: 'Sheet',
      id: 1,
      expected: 1,
    });
  });
});

it('an entity that keeps its values private is loaded and saved in a transaction as outside of it', async () => {
  const { id } = await database.seed(SealedSheet, { title: 'title' });
  await database.transactions.run(async (manager) => {
    const sheet = await manager.findOneByOrFail(SealedSheet, { id });
    sheet.title = 'changed';
    await manager.save(sheet);
  });

  const [stored] = await database.plainly(SealedSheet).find();
  expect([stored!.title, stored!.version]).toEqual(['changed', 2]);
});

it('an entity that was given another id after it was loaded is the row of that id', async () => {
  await anew(Sheet);
  await database.plainly(Sheet).insert({ title: 'second', size: { width: 1 } });
  const load = (): Promise<Sheet> => database.repository(Sheet).findOneByOrFail({ id: 1 });
  await database.transactions.run(async (manager) =>
    manager.save(Object.assign(await load(), { id: 2, title: 'changed' })),
  );
  const gone = database.transactions.run(async (manager) =>
    manager.save(Object.assign(await load(), { id: 9 })),
  );

  await expect(gone).rejects.toMatchObject({ code: 'OPTIMISTIC_LOCK', id: 9 });
  expect(await database.plainly(Sheet).find({ order: { id: 'ASC' } })).toMatchObject([
    { id: 1, title: 'title', version: 1 },
    { id: 2, title: 'changed', version: 2 },
  ]);
});
