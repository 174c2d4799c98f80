import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Column, DataSource, Entity, EntitySchema, PrimaryGeneratedColumn, VersionColumn } from 'typeorm';
import type { EnlistOptions } from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { Note, Page, Seat } from './entities.js';
import {
  enlist,
  expectVersion,
  forceIncrement,
  InvalidOptionsError,
  NoTransactionError,
  VersionPolicy,
} from './library.js';
import { failureOf, openDataSource, VersionedDatabase } from './versioned-database.js';

@Entity()
class DatedByType {
  @PrimaryGeneratedColumn()
  id!: number;

  @VersionColumn({ type: 'timestamptz' })
  changedAt!: Date;
}

@Entity()
@VersionPolicy({ enforced: false })
class DatedAndLeftAlone {
  @PrimaryGeneratedColumn()
  id!: number;

  @VersionColumn({ type: 'timestamptz' })
  changedAt!: Date;
}

@Entity()
class Hidden {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn({ select: false })
  version!: number;
}

@Entity()
@VersionPolicy({ missing: 'reject' })
class HiddenAndNeeded extends Hidden {}

@Entity()
@VersionPolicy({ missing: 'ignore' })
class HiddenAndIgnored extends Hidden {}

const DatedBySchema = new EntitySchema<{ id: number; changedAt: Date }>({
  name: 'DatedBySchema',
  columns: {
    id: { type: 'int', primary: true, generated: true },
    changedAt: { type: 'timestamptz', version: true },
  },
});

type Target = (abstract new () => object) | EntitySchema;

/** Initialises a DataSource on tables that do not matter, and enlists it. */
async function enlisting(entity: Target, options: EnlistOptions = {}): Promise<unknown> {
  const dataSource = await openDataSource({
    entities: [entity] as never,
    synchronize: false,
    dropSchema: false,
  });
  try {
    return enlist(dataSource, options);
  } finally {
    await dataSource.destroy();
  }
}

describe('a version column that cannot be compared is refused when the data source is enlisted:', () => {
  it.each<[string, Target, EnlistOptions, RegExp]>([
    ['a date', DatedByType, {}, /DatedByType.*changedAt/s],
    ['a date in a schema', DatedBySchema, {}, /DatedBySchema.*changedAt/s],
    [
      'one that is never selected, where each must carry its version',
      Hidden,
      { versions: { missing: 'reject' } },
      /Hidden.*select/s,
    ],
    [
      'one that is never selected, where this entity must carry its version',
      HiddenAndNeeded,
      {},
      /HiddenAndNeeded.*select/s,
    ],
  ])('%s', async (_name, entity, options, message) => {
    const failure = await failureOf(enlisting(entity, options));

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure.message).toMatch(message);
  });

  it.each<[string, Target, EnlistOptions]>([
    ['a date of an entity that is left to TypeORM', DatedAndLeftAlone, {}],
    ['one that is never selected, where the database is asked', Hidden, {}],
    [
      'one that is never selected, where a missing one is ignored',
      Hidden,
      { versions: { missing: 'ignore' } },
    ],
    [
      'one that is never selected, where this entity’s is ignored',
      HiddenAndIgnored,
      { versions: { missing: 'reject' } },
    ],
  ])('but not %s', async (_name, entity, options) => {
    await enlisting(entity, options);
  });

  it('also when the data source is not initialised yet', async () => {
    const dataSource = new DataSource({
      type: 'postgres',
      url: workerDatabaseUrl(),
      entities: [DatedByType],
    });
    const start = async (): Promise<void> => {
      enlist(dataSource);
      await dataSource.initialize();
      await dataSource.manager.save(new DatedByType());
    };
    const failure = await failureOf(start().finally(() => dataSource.isInitialized && dataSource.destroy()));

    expect(failure).toBeInstanceOf(InvalidOptionsError);
  });
});

describe('a policy that means nothing is refused', () => {
  it.each<[string, () => unknown]>([
    ['an unknown one for an entity', () => VersionPolicy({ missing: 'maybe' as never })],
    ['an unknown option for an entity', () => VersionPolicy({ enforce: true } as never)],
    ['an ill-typed option for an entity', () => VersionPolicy({ enforced: 'no' as never })],
  ])('%s', (_name, decorate) => {
    expect(() => {
      (decorate() as ClassDecorator)(class Late {});
    }).toThrow(InvalidOptionsError);
  });

  it.each<[string, unknown]>([
    ['an unknown one', { missing: 'maybe' }],
    ['an unknown option', { missed: 'reject' }],
    ['no object', 'reject'],
  ])('%s for the data source', async (_name, versions) => {
    expect(await failureOf(enlisting(Hidden, { versions } as EnlistOptions))).toBeInstanceOf(
      InvalidOptionsError,
    );
  });
});

let database: VersionedDatabase;

beforeAll(async () => {
  database = await VersionedDatabase.open([Page, Note, Seat]);
});
afterAll(() => database.close());

describe('an expectation that cannot be', () => {
  it('has no transaction', () => {
    expect(() => expectVersion(Page, 1, 1)).toThrow(NoTransactionError);
  });

  it.each<[string, () => void]>([
    ['of an entity without a version', () => expectVersion(Note, 1, 1)],
    ['of no id', () => expectVersion(Page, undefined as never, 1)],
    ['of an id that is null', () => expectVersion(Page, null as never, 1)],
    ['of half a key', () => expectVersion(Seat, { row: 'A' }, 1)],
    ['of no version', () => expectVersion(Page, 1, undefined as never)],
    ['of a version that is null', () => expectVersion(Page, 1, null as never)],
    ['of a version that is no number', () => expectVersion(Page, 1, 'newest')],
    ['of a version that is no whole number', () => expectVersion(Page, 1, 1.5)],
    ['of a version that is a date', () => expectVersion(Page, 1, new Date(0) as never)],
    ['of a version that is an object', () => expectVersion(Page, 1, {} as never)],
  ])('is refused at once: %s', async (_name, expectation) => {
    await database.transactions.run(async () => expect(expectation).toThrow(InvalidOptionsError));
  });
});

describe('a forced increment that cannot be', () => {
  it('has no transaction', () => {
    const page = Object.assign(new Page(), { id: 1, version: 1 });
    expect(() => forceIncrement(page)).toThrow(NoTransactionError);
    expect(page.version).toBe(1);
  });

  it.each<[string, () => object]>([
    ['an entity without a version column', () => Object.assign(new Note(), { id: 1 })],
    ['an entity without its version', () => Object.assign(new Page(), { id: 1 })],
    ['an entity without an id', () => Object.assign(new Page(), { version: 1 })],
    ['a plain object', () => ({ id: 1, version: 1 })],
  ])('is refused at once: %s', async (_name, entity) => {
    const refused = entity();
    await database.transactions.run(async () =>
      expect(() => forceIncrement(refused)).toThrow(InvalidOptionsError),
    );
  });
});
