import { DataSource, EntityManager, Repository, type TreeRepository } from 'typeorm';
import { Author, Book, Chapter, Folder, Note, Postcard } from './entities.js';

export class NoteRepository extends Repository<Note> {
  writeDown(text: string): Promise<Note> {
    return this.save({ text });
  }
}

/** Everything that can be held on to before a transaction begins. */
export interface Handles {
  readonly dataSource: DataSource;
  readonly manager: EntityManager;
  readonly notes: Repository<Note>;
  readonly extended: Repository<Note> & { writeDown(text: string): Promise<Note> };
  readonly ownClass: NoteRepository;
  readonly folders: TreeRepository<Folder>;
  readonly chapters: TreeRepository<Chapter>;
  readonly insertion: { execute(): Promise<unknown> };
  readonly change: { execute(): Promise<unknown> };
  readonly deletion: { execute(): Promise<unknown> };
  readonly reading: { getMany(): Promise<Note[]> };
}

export function earlyHandles(dataSource: DataSource): Handles {
  const { manager } = dataSource;
  const notes = dataSource.getRepository(Note);
  return {
    dataSource,
    manager,
    notes,
    extended: notes.extend({
      writeDown(this: Repository<Note>, text: string) {
        return this.save({ text });
      },
    }),
    ownClass: new NoteRepository(Note, manager),
    folders: dataSource.getTreeRepository(Folder),
    chapters: dataSource.getTreeRepository(Chapter),
    insertion: notes.createQueryBuilder().insert().values({ text: 'new' }),
    change: manager.createQueryBuilder().update(Note).set({ likes: 9 }).where({ id: 1 }),
    deletion: dataSource.createQueryBuilder().delete().from(Note).where({ id: 1 }),
    reading: notes.createQueryBuilder('note').orderBy('note.id'),
  };
}

/** Two rows of everything: `one` and `two`, with the ids 1 and 2; book 1 is by author 1 and has note 1. */
export const SEED = `
  TRUNCATE note, postcard, author, book, book_notes_note, folder, folder_closure, chapter RESTART IDENTITY CASCADE;
  INSERT INTO note (text, "deletedAt") VALUES ('one', NULL), ('two', now());
  INSERT INTO postcard (text) VALUES ('one'), ('two');
  INSERT INTO author (name) VALUES ('one'), ('two');
  INSERT INTO book (title, "authorId") VALUES ('one', 1), ('two', NULL);
  INSERT INTO book_notes_note VALUES (1, 1);
  INSERT INTO folder (name, "parentId") VALUES ('one', NULL), ('two', 1);
  INSERT INTO folder_closure VALUES (1, 1), (2, 2), (1, 2);
  INSERT INTO chapter (name, mpath, "parentId") VALUES ('one', '1.', NULL), ('two', '1.2.', 1);
`;

/** Every row of every table, as text. */
export const EVERYTHING = [
  'note',
  'postcard',
  'author',
  'book',
  'book_notes_note',
  'folder',
  'folder_closure',
]
  .concat('chapter')
  .map((table) => `SELECT '${table}' || ${table}::text FROM ${table}`)
  .join(' UNION ALL ')
  .concat(' ORDER BY 1');

type Write = (handles: Handles) => Promise<unknown>;

/** Each way to write that TypeORM has; every one of them changes something of {@link SEED}. */
export const WRITES: Record<string, Write> = {
  'an early repository: save': ({ notes }) => notes.save({ text: 'new' }),
  'an early repository: insert': ({ notes }) => notes.insert({ text: 'new' }),
  'an early repository: update': ({ notes }) => notes.update({ id: 1 }, { likes: 5 }),
  'an early repository: delete': ({ notes }) => notes.delete({ id: 1 }),
  'save of a loaded entity': async ({ notes }) =>
    notes.save(Object.assign(await notes.findOneByOrFail({ id: 1 }), { likes: 5 })),
  'save of many, in chunks': ({ notes }) =>
    notes.save(
      ['a', 'b', 'c'].map((text) => ({ text })),
      { chunk: 1 },
    ),
  'remove of a loaded entity': async ({ notes }) => notes.remove(await notes.findOneByOrFail({ id: 1 })),
  'preload and save': async ({ notes }) => notes.save((await notes.preload({ id: 1, likes: 5 }))!),
  upsert: ({ notes }) => notes.upsert({ text: 'one', likes: 5 }, ['text']),
  increment: ({ notes }) => notes.increment({ id: 1 }, 'likes', 1),
  decrement: ({ notes }) => notes.decrement({ id: 1 }, 'likes', 1),
  softDelete: ({ notes }) => notes.softDelete({ id: 1 }),
  restore: ({ notes }) => notes.restore({ id: 2 }),
  softRemove: async ({ notes }) => notes.softRemove(await notes.findOneByOrFail({ id: 1 })),
  recover: async ({ notes }) =>
    notes.recover(await notes.findOneOrFail({ where: { id: 2 }, withDeleted: true })),
  clear: ({ dataSource }) => dataSource.getRepository(Postcard).clear(),
  'repository.query': ({ notes }) => notes.query(`INSERT INTO note (text) VALUES ('new')`),
  'repository.extend()': ({ extended }) => extended.writeDown('new'),
  'manager.withRepository()': ({ manager, extended }) => manager.withRepository(extended).writeDown('new'),
  'a repository class of its own': ({ ownClass }) => ownClass.writeDown('new'),
  'a closure-table tree: add': ({ folders }) => folders.save({ name: 'new', parent: { id: 1 } as Folder }),
  'a closure-table tree: remove': async ({ folders }) =>
    folders.remove(await folders.findOneByOrFail({ id: 2 })),
  'a materialized-path tree': ({ chapters }) => chapters.save({ name: 'new', parent: { id: 1 } as Chapter }),
  'an active record: static': () => Postcard.insert({ text: 'new' }),
  'an active record: save': () => Object.assign(new Postcard(), { text: 'new' }).save(),
  'an active record: remove': async () => (await Postcard.findOneByOrFail({ id: 1 })).remove(),
  'dataSource.query': ({ dataSource }) => dataSource.query(`INSERT INTO note (text) VALUES ($1)`, ['new']),
  'dataSource.sql': ({ dataSource }) => dataSource.sql`INSERT INTO note (text) VALUES (${'new'})`,
  'manager.query': ({ manager }) => manager.query(`INSERT INTO note (text) VALUES ('new')`),
  'manager.save': ({ manager }) => manager.save(Note, { text: 'new' }),
  'an insert built before': ({ insertion }) => insertion.execute(),
  'an update built before': ({ change }) => change.execute(),
  'a delete built before': ({ deletion }) => deletion.execute(),
  'the relation builder: set': ({ dataSource }) =>
    dataSource.createQueryBuilder().relation(Book, 'author').of(2).set(1),
  'the relation builder: add': ({ dataSource }) =>
    dataSource.createQueryBuilder().relation(Book, 'notes').of(2).add(1),
  'the relation builder: remove': ({ dataSource }) =>
    dataSource.createQueryBuilder().relation(Book, 'notes').of(1).remove(1),
  'a lazy relation': async ({ manager }) => {
    const book = await manager.findOneByOrFail(Book, { id: 2 });
    book.author = Promise.resolve(await manager.findOneByOrFail(Author, { id: 1 }));
    await manager.save(book);
  },
  'the first getRepository() of an entity': ({ dataSource }) =>
    dataSource.getRepository(Author).save({ name: 'new' }),
  'a manager made inside': ({ dataSource }) => dataSource.createEntityManager().save(Note, { text: 'new' }),
  'manager.transaction()': ({ manager }) =>
    manager.transaction((inner) => inner.insert(Note, { text: 'new' })),
  'dataSource.transaction()': ({ dataSource }) =>
    dataSource.transaction((inner) => inner.getRepository(Note).save({ text: 'new' })),
  'a query runner': async ({ dataSource }) => {
    const runner = dataSource.createQueryRunner();
    await runner.connect();
    await runner.query(`INSERT INTO note (text) VALUES ('new')`);
    await runner.release();
  },
  "a query runner's manager": ({ dataSource }) =>
    dataSource.createQueryRunner().manager.save(Note, { text: 'new' }),
  'a query runner that commits by hand': async ({ dataSource }) => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.manager.insert(Note, { text: 'new' });
    await runner.commitTransaction();
    await runner.release();
  },
  'a builder bound to a query runner': ({ dataSource }) =>
    dataSource
      .createQueryBuilder(dataSource.createQueryRunner())
      .insert()
      .into(Note)
      .values({ text: 'new' })
      .execute(),
};
