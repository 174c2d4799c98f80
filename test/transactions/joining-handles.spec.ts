import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EnlistedDatabase, textsOf } from './enlisted-database.js';
import { Author, Book, ENTITIES, Note, Postcard } from './entities.js';
import { earlyHandles, EVERYTHING, SEED, WRITES, type Handles } from './handles.js';

let database: EnlistedDatabase;
let handles: Handles;

beforeAll(async () => {
  database = await EnlistedDatabase.open({ entities: ENTITIES });
});
beforeEach(async () => {
  await database.observer.query(SEED);
  handles = earlyHandles(database.dataSource);
});
afterAll(() => database.close());

const everything = (): Promise<string[]> => textsOf(database.observer, EVERYTHING);
const undone = new Error('undo it all');

describe.each(Object.entries(WRITES))('%s', (_name, write) => {
  it('is undone with the transaction', async () => {
    const before = await everything();
    const work = database.transactions.run(async () => {
      await write(handles);
      throw undone;
    });
    await expect(work).rejects.toBe(undone);

    expect(await everything()).toEqual(before);
  });

  it('is stored with the transaction, and not before its end', async () => {
    const before = await everything();
    await database.transactions.run(async () => {
      await write(handles);
      // Locks nothing, so it does not wait for the transaction (except TRUNCATE, which locks readers out).
      if (write !== WRITES.clear) expect(await everything()).toEqual(before);
    });

    expect(await everything()).not.toEqual(before);
  });

  it('still works without a transaction', async () => {
    const before = await everything();
    await write(handles);

    expect(await everything()).not.toEqual(before);
  });
});

describe('what the transaction has not committed yet is seen by', () => {
  const seenBy: Record<string, (handles: Handles) => Promise<unknown>> = {
    'an early repository': ({ notes }) => notes.existsBy({ text: 'uncommitted' }),
    'a select built before': async ({ reading }) => (await reading.getMany()).some(isUncommitted),
    'dataSource.query': async ({ dataSource }) =>
      (await dataSource.query('SELECT * FROM note')).some(isUncommitted),
    'an active record': () => Postcard.existsBy({ text: 'uncommitted' }),
    'a repository class of its own': ({ ownClass }) => ownClass.existsBy({ text: 'uncommitted' }),
    'a stream': async ({ notes }) =>
      (await textOf((await notes.createQueryBuilder('n').stream()).map((row) => row.n_text))).includes(
        'uncommitted',
      ),
    'a stream of a query runner': async ({ dataSource }) => {
      const runner = dataSource.createQueryRunner();
      const stream = await runner.stream('SELECT text FROM note');
      return (await textOf(stream.map((row) => row.text))).includes('uncommitted');
    },
    'a lazy relation of an entity loaded before': async () => {
      const [book] = await bookLoadedBefore.books;
      return book?.title === 'uncommitted';
    },
  };
  let bookLoadedBefore: Author;

  it.each(Object.entries(seenBy))('%s', async (_name, isSeen) => {
    bookLoadedBefore = await database.dataSource.manager.findOneByOrFail(Author, { id: 2 });
    await database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'uncommitted' });
      await em.insert(Postcard, { text: 'uncommitted' });
      await em.query(`INSERT INTO book (title, "authorId") VALUES ('uncommitted', 2)`);

      expect(await isSeen(handles)).toBe(true);
    });
  });

  it('nobody outside', async () => {
    await database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'uncommitted' });

      expect(await database.notes()).not.toContain('uncommitted');
    });
    expect(await database.notes()).toContain('uncommitted');
  });
});

describe('a stream', () => {
  it('may be the first that the transaction does', async () => {
    const texts = await database.transactions.run({ isolation: 'SERIALIZABLE' }, async (em) => {
      const runner = database.dataSource.createQueryRunner();
      const rows = await runner.stream(`SELECT current_setting('transaction_isolation') AS text`);
      const text = await textOf(rows.map((row) => row.text));
      await em.save(Note, { text });
      return text;
    });

    expect(texts).toBe('serializable');
    expect(await database.notes()).toContain('serializable');
  });
});

it('an author loaded in the transaction writes its lazy relation into it', async () => {
  const work = database.transactions.run(async (em) => {
    const author = await em.findOneByOrFail(Author, { id: 2 });
    author.books = Promise.resolve([await em.findOneByOrFail(Book, { id: 2 })]);
    await em.save(author);
    expect(await textsOf(database.observer, `SELECT "authorId" FROM book WHERE id = 2`)).toEqual(['null']);
    throw undone;
  });

  await expect(work).rejects.toBe(undone);
  expect(await textsOf(database.observer, `SELECT "authorId" FROM book WHERE id = 2`)).toEqual(['null']);
});

function isUncommitted({ text }: { text: string }): boolean {
  return text === 'uncommitted';
}
