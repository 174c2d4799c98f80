import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EntityManager, Logger, SaveOptions } from 'typeorm';
import { rounds } from '../support/thoroughness.js';
import { expectVersion } from './library.js';
import { anyChange, anyLoad, loadedWhole, newTitle, type Change, type Load } from './sheet-changes.js';
import { FlatSheet, Owner, Sheet, timeless } from './sheet.js';
import { failureOf, VersionedDatabase } from './versioned-database.js';

const ROUNDS = rounds({ usual: 40, thorough: 1000 });
const LIMIT_MS = 300_000;
const sent: unknown[] = [];
const logger: Logger = {
  logQuery: (sql, parameters) => void sent.push(sql, structuredClone(parameters)),
  logQueryError: (error) => void sent.push(String(error)),
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};
const target = FlatSheet as unknown as typeof Sheet;
let fast: VersionedDatabase;
let slow: VersionedDatabase;

beforeAll(async () => {
  fast = await VersionedDatabase.open([FlatSheet, Owner], { logger }, { fastPaths: true });
  slow = await fast.beside({ logger }, { fastPaths: false });
  await fast.plain.query('INSERT INTO owner VALUES (1), (2)');
});
afterAll(async () => {
  await slow.dataSource.destroy();
  await fast.close();
});

async function anew(): Promise<void> {
  await fast.plain.query('TRUNCATE flat_sheet RESTART IDENTITY');
  await fast.plainly(FlatSheet).insert({
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
    updatedAt: new Date('2001-01-01'),
  });
}

interface Save {
  readonly changes: readonly Change[];
  readonly options: SaveOptions | undefined;
}

type Surroundings = Readonly<{ database: VersionedDatabase; manager: EntityManager; sheet: Sheet }>;

const EVENTS = {
  nothing: () => undefined,
  'another one writes the row': ({ sheet }: Surroundings) =>
    fast.plainly(FlatSheet).update({ id: 1 }, { note: sheet.note === 'theirs' ? 'ours' : 'theirs' }),
  'its version is expected': ({ sheet }: Surroundings) => expectVersion(FlatSheet, sheet.id, sheet.version),
  'another version is expected': ({ sheet }: Surroundings) => expectVersion(FlatSheet, sheet.id, 99),
  'it is written by update()': ({ manager }: Surroundings) => manager.update(FlatSheet, 1, { note: 'other' }),
  'it gets another id': ({ sheet }: Surroundings) => void (sheet.id = 2),
  'it gets another version': ({ sheet }: Surroundings) => void (sheet.version = 5),
  'it gets its version as text': ({ sheet }: Surroundings) =>
    void (sheet.version = String(sheet.version) as never),
  'it loses its version': ({ sheet }: Surroundings) => delete (sheet as Partial<Sheet>).version,
  'a savepoint is undone': ({ database, manager, sheet }: Surroundings) =>
    database.transactions
      .run({ propagation: 'NESTED' }, async () => {
        await manager.save(Object.assign(sheet, { title: 'undone' }));
        throw new Error('undone');
      })
      .catch(() => undefined),
};

interface Scenario {
  /** What happens between loading and saving. */
  readonly event: keyof typeof EVENTS;
  readonly load: Load;
  readonly saves: readonly Save[];
  readonly isKept: boolean;
}

/** Everything that can be seen of what the saves came to. */
async function outcomeOf(
  database: VersionedDatabase,
  { event, load, saves, isKept }: Scenario,
): Promise<object> {
  await anew();
  sent.length = 0;
  const results: unknown[] = [];
  let sheet!: Sheet;
  const work = database.transactions.run(async (manager) => {
    sheet = await load.from(manager, target);
    await EVENTS[event]({ database, manager, sheet });
    for (const { changes, options } of saves) {
      for (const { apply } of changes) apply(sheet);
      const saving = options === undefined ? manager.save(sheet) : manager.save(sheet, options);
      if (isKept) sheet.price = '7.77';
      const saved = await saving;
      results.push(structuredClone(timeless(saved)), Object.keys(saved), saved === sheet);
    }
    if (!isKept) throw new Error('rolled back');
  });
  const failure = await work.then(
    () => undefined,
    ({ name, message, code, entity, id, expected, outcome }) => ({
      name,
      message,
      code,
      entity,
      id,
      expected,
      outcome,
    }),
  );
  const row = await fast
    .plainly(target)
    .createQueryBuilder()
    .select('*')
    .from(FlatSheet, 'it')
    .getRawOne<Sheet>();
  return { results, failure, row: timeless(row), memory: timeless(sheet), sent: sent.filter(isOurs) };
}

/** Not what each plain one sends to look at the row. */
function isOurs(text: unknown): boolean {
  return typeof text !== 'string' || !text.startsWith('SELECT * FROM');
}

const anyScenario = fc.record<Scenario>({
  event: fc.constantFrom(
    'nothing',
    'nothing',
    'nothing',
    ...(Object.keys(EVENTS) as (keyof typeof EVENTS)[]),
  ),
  load: fc.oneof(fc.constant(loadedWhole), anyLoad),
  saves: fc.array(
    fc.record<Save>({
      changes: fc.array(anyChange, { maxLength: 4 }),
      options: fc.constantFrom<(SaveOptions | undefined)[]>(
        undefined,
        undefined,
        undefined,
        {},
        { reload: false },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  isKept: fc.boolean(),
});

it(
  `${ROUNDS} random saves come to the same, by the same statements, with fast paths and without`,
  async () => {
    await fc.assert(
      fc.asyncProperty(anyScenario, async (scenario) => {
        const ours = await outcomeOf(fast, scenario);

        expect(ours).toStrictEqual(await outcomeOf(slow, scenario));
      }),
      { numRuns: ROUNDS, endOnFailure: true },
    );
  },
  LIMIT_MS,
);

describe('a change that has been saved before', () => {
  it('is written without building a statement', async () => {
    await anew();
    let builders = 0;
    const save = (): Promise<unknown> =>
      fast.transactions.run(async (manager) => {
        const sheet = await manager.findOneByOrFail(target, { id: 1 });
        const createQueryBuilder = manager.createQueryBuilder.bind(manager) as (...all: any[]) => any;
        manager.createQueryBuilder = (...all: any[]) => (builders++, createQueryBuilder(...all));
        await manager.save(Object.assign(sheet, { title: `${sheet.title}, changed` }));
      });
    await save();
    builders = 0;
    await save();

    expect(builders).toBe(0);
    expect(await fast.plainly(target).findOneBy({ id: 1 })).toMatchObject({
      title: 'title, changed, changed',
      version: 3,
    });
  });

  it('fails as it did when somebody else has written the row', async () => {
    await anew();
    const failure = await failureOf(
      fast.transactions.run(async (manager) => {
        const sheet = await manager.findOneByOrFail(target, { id: 1 });
        await fast.plainly(target).update(1, { note: 'theirs' });
        newTitle.apply(sheet);
        await manager.save(sheet);
      }),
    );

    expect(failure).toMatchObject({ code: 'OPTIMISTIC_LOCK', entity: 'FlatSheet', id: 1, expected: 1 });
  });
});
