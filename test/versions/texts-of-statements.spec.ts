import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  PrimaryGeneratedColumn,
  VersionColumn,
  type DataSource,
  type Logger,
  type SelectQueryBuilder,
} from 'typeorm';
import { openDataSource, VersionedDatabase } from './versioned-database.js';

@Entity()
class Book {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ name: 'book_title' })
  title!: string;

  @Column({ default: '', select: false })
  secret!: string;

  @VersionColumn()
  version!: number;
}

/** The same properties in other columns. */
@Entity()
class Film {
  @PrimaryGeneratedColumn({ name: 'film_id' })
  id!: number;

  @Column({ name: 'film_title' })
  title!: string;

  @VersionColumn()
  version!: number;
}

const sent: string[] = [];
const logger: Logger = {
  logQuery: (sql) => void sent.push(sql),
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};
const entities = [Book, Film];
let database: VersionedDatabase;
let typeOrm: DataSource;

beforeAll(async () => {
  database = await VersionedDatabase.open(entities, { logger }, { fastPaths: true });
  typeOrm = await openDataSource({ logger, entities, synchronize: false, dropSchema: false });
});
afterAll(async () => {
  await typeOrm.destroy();
  await database.close();
});

type Media = typeof Book | typeof Film;

function selected(dataSource: DataSource, target: Media): SelectQueryBuilder<Book | Film> {
  return dataSource.createQueryBuilder<Book | Film>(target, 'it').where('it.title = :title', { title: 'a' });
}

/** Statements whose text is nearly the same. */
const STATEMENTS: Record<string, (dataSource: DataSource, target: Media) => Promise<unknown>> = {
  'all of it': (dataSource, target) => selected(dataSource, target).getMany(),
  'a part of it': (dataSource, target) => selected(dataSource, target).select('it.title').getMany(),
  'a part under another name': (dataSource, target) =>
    selected(dataSource, target).select('it.title', 'named').getRawMany(),
  'what it leaves out, too': (dataSource, target) =>
    selected(dataSource, target).addSelect('it.version').getMany(),
  'raw rows': (dataSource, target) => selected(dataSource, target).getRawMany(),
  'distinct rows': (dataSource, target) => selected(dataSource, target).distinct().getMany(),
  'the first of each title': (dataSource, target) =>
    selected(dataSource, target).distinctOn(['it.title']).getMany(),
  'from another table besides': (dataSource, target) =>
    selected(dataSource, target).addFrom(Film, 'film').andWhere('film.title = it.title').getMany(),
  joined: (dataSource, target) =>
    selected(dataSource, target).leftJoin(Book, 'book', 'book.title = it.title').getMany(),
  counted: (dataSource, target) => selected(dataSource, target).getCount(),
  'an UPDATE': (dataSource, target) =>
    dataSource
      .createQueryBuilder()
      .update(target)
      .set({ title: 'b' })
      .where('title = :title', { title: 'a' })
      .execute(),
  'a DELETE': (dataSource, target) =>
    dataSource.createQueryBuilder().delete().from(target).where('title = :title', { title: 'a' }).execute(),
  'an INSERT': (dataSource, target) => dataSource.getRepository(target as typeof Book).insert({ title: 'c' }),
  'a save()': async (dataSource, target) => {
    const repository = dataSource.getRepository(target as typeof Book);
    const saved = await repository.save({ title: 'd' });
    await repository.save(Object.assign(saved, { title: 'e' }));
  },
};

async function textsBy(dataSource: DataSource, statement: keyof typeof STATEMENTS): Promise<string[]> {
  sent.length = 0;
  // Each twice, in turn: what was kept of the one must not be taken for the other.
  for (const target of [Book, Film, Book, Film]) await STATEMENTS[statement]!(dataSource, target);
  return sent
    .filter((sql) => !/^(?:START|COMMIT)/.test(sql))
    .map((sql) => sql.replace(/ AND "version" = \$\d+/, ''));
}

it.each(Object.keys(STATEMENTS))(
  'the text is the one that TypeORM makes each time: %s',
  async (statement) => {
    const ours = await textsBy(database.dataSource, statement);

    expect(ours).toEqual(await textsBy(typeOrm, statement));
  },
);
