import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { Article, Ledger, Note, Page, Seat } from './entities.js';
import { expectAbsence, expectVersion } from './library.js';
import { StatementsOnTheWire } from './statements-on-the-wire.js';
import { failureOf, refusalOf, VersionedDatabase } from './versioned-database.js';
import { loadedPage, WRITES_OF_PAGE } from './writes-of-page.js';

let database: VersionedDatabase;
let wire: StatementsOnTheWire;
let page: Page;

beforeAll(async () => {
  wire = await StatementsOnTheWire.listen();
  database = await VersionedDatabase.open(
    [Page, Note, Seat, Ledger, Article],
    { url: wire.url },
    { random: () => 0 },
  );
});
beforeEach(async () => {
  await database.empty();
  page = await database.seed(Page, { name: 'ours' });
});
afterAll(async () => {
  await database.close();
  await wire.stop();
});

const failure = new Error('undo');
const run = <T>(work: (em: EntityManager) => Promise<T>): Promise<T> => database.transactions.run(work);
const nested = <T>(work: (em: EntityManager) => Promise<T>): Promise<T> =>
  database.transactions.run({ propagation: 'NESTED' }, work);

describe('a transaction that expects a version', () => {
  it.each(Object.entries(WRITES_OF_PAGE))('may write by %s when the row has it', async (_name, write) => {
    await run(async (em) => {
      expectVersion(Page, 1, 1);
      await write(em);
    });

    expect(await database.stored(page)).not.toEqual(page);
  });

  it.each(Object.entries(WRITES_OF_PAGE))(
    'is rolled back at the first write by %s when the row has another',
    async (_name, write) => {
      await database.interfere(page, { name: 'ours' });
      const theirs = await database.stored(page);
      const work = run(async (em) => {
        expectVersion(Page, 1, 1);
        await em.insert(Note, { name: 'beside' });
        await write(em);
      });

      expect(await failureOf(work)).toMatchObject(refusalOf('Page', 1, 1));
      expect(await database.stored(page)).toEqual(theirs);
      expect(await database.plainly(Note).count()).toBe(0);
    },
  );

  it('may write as often as it likes after the first write', async () => {
    await run(async (em) => {
      expectVersion(Page, 1, 1);
      const found = await loadedPage(em);
      await em.save(Object.assign(found, { name: 'first' }));
      await em.save(Object.assign(found, { name: 'second' }));
      await em.update(Page, { id: 1 }, { name: 'third' });
    });

    expect(await database.stored(page)).toMatchObject({ name: 'third', version: 4 });
  });

  it('may write when it has met it by an update()', async () => {
    await run(async (em) => {
      expectVersion(Page, 1, 1);
      await em.update(Page, { id: 1 }, { name: 'first' });
      await em.save(Object.assign(await loadedPage(em), { name: 'second' }));
    });

    expect(await database.stored(page)).toMatchObject({ name: 'second', version: 3 });
  });

  it('may write other rows, whatever their version', async () => {
    const other = await database.seed(Page, { name: 'other' });
    await database.interfere(other);
    await run(async (em) => {
      expectVersion(Page, 1, 1);
      await em.update(Page, { id: 2 }, { name: 'changed' });
      await em.save(Object.assign((await em.findOneBy(Page, { id: 2 }))!, { name: 'again' }));
    });

    expect(await database.stored(other)).toMatchObject({ name: 'again', version: 4 });
  });

  it('is told of a row that is gone', async () => {
    await database.removeBehindItsBack(page);

    expect(await failureOf(run(async () => expectVersion(Page, 1, 1)))).toMatchObject(
      refusalOf('Page', 1, 1),
    );
  });

  it('is not tried again: the same would be expected', async () => {
    await database.interfere(page);
    let attempts = 0;
    const work = database.transactions.run({ retry: 3 }, async (em) => {
      attempts++;
      expectVersion(Page, 1, 1);
      await em.update(Page, { id: 1 }, { name: 'changed' });
    });

    expect(await failureOf(work)).toMatchObject(refusalOf('Page', 1, 1));
    expect(attempts).toBe(1);
  });

  it('costs no statement when the row is written', async () => {
    const work = (expects: boolean) => (): Promise<unknown> =>
      run(async (em) => {
        const found = await loadedPage(em);
        if (expects) expectVersion(Page, 1, found.version);
        await em.save(Object.assign(found, { name: `${found.name}!` }));
      });
    const without = await wire.of(work(false));

    expect(await wire.of(work(true))).toHaveLength(without.length);
  });
});

describe('an expected version that nothing was written to', () => {
  it.each<[string, (em: EntityManager) => Promise<unknown>]>([
    ['nothing else was done', () => Promise.resolve()],
    ['something else was written', (em) => em.insert(Note, { name: 'beside' })],
    ['the row was only read', loadedPage],
    ['the write did not meet the row', (em) => em.update(Page, { name: 'nobody' }, { name: 'x' })],
    ['the save had nothing to write', async (em) => em.save(await loadedPage(em))],
  ])('is looked up under a lock before COMMIT when %s', async (_name, work) => {
    const sent = await wire.of(() =>
      run(async (em) => {
        expectVersion(Page, 1, 1);
        await work(em);
      }),
    );
    expect(sent.at(-1)).toMatch(/^SELECT .* FOR SHARE/s);

    await database.interfere(page);
    const late = run(async (em) => {
      expectVersion(Page, 1, 1);
      await work(em);
    });
    expect(await failureOf(late)).toMatchObject(refusalOf('Page', 1, 1));
    expect(await database.plainly(Note).count()).toBeLessThanOrEqual(1);
  });

  it('may come to differ until COMMIT', async () => {
    const work = run(async () => {
      expectVersion(Page, 1, 1);
      await database.interfere(page);
    });

    expect(await failureOf(work)).toMatchObject(refusalOf('Page', 1, 1));
  });

  it('may come to be right until COMMIT', async () => {
    await run(async () => {
      expectVersion(Page, 1, 2);
      await database.interfere(page);
    });
  });

  it('is refused by the server at REPEATABLE READ when it changed behind the snapshot', async () => {
    const work = database.transactions.run({ isolation: 'REPEATABLE READ' }, async (em) => {
      await em.find(Note);
      expectVersion(Page, 1, 1);
      await database.interfere(page);
    });
    const conflict = await failureOf(work);

    expect(conflict).toMatchObject(refusalOf('Page', 1, 1));
    expect(conflict.cause).toMatchObject({ driverError: { code: '40001' } });
  });
});

describe('of several expectations', () => {
  it('each must be met', async () => {
    const other = await database.seed(Page, { name: 'other' });
    await database.interfere(other);
    const work = run(async (em) => {
      expectVersion(Page, 1, 1);
      expectVersion(Page, 2, 1);
      await em.update(Page, { id: 1 }, { name: 'changed' });
    });

    expect(await failureOf(work)).toMatchObject(refusalOf('Page', 2, 1));
    expect(await database.stored(page)).toMatchObject({ name: 'ours' });
  });

  it('the same one twice is one', async () => {
    await run(async (em) => {
      expectVersion(Page, 1, 1);
      expectVersion(Page, 1, 1);
      await em.update(Page, { id: 1 }, { name: 'changed' });
    });

    expect(await database.stored(page)).toMatchObject({ version: 2 });
  });

  it('a composite key, a bigint and an embedded version are met, too', async () => {
    await database.seed(Seat, { row: 'A', place: 1, name: 'seat' });
    await database.seed(Ledger, { name: 'ledger' });
    await database.seed(Article, { name: 'article' });
    await run(async (em) => {
      expectVersion(Seat, { row: 'A', place: 1 }, 1);
      expectVersion(Ledger, 1, '1');
      expectVersion(Article, 1, 1);
      await em.update(Seat, { row: 'A', place: 1 }, { name: 'changed' });
    });
    for (const [target, id, version] of [
      [Seat, { row: 'A', place: 1 }, 1],
      [Ledger, 1, '2'],
      [Article, 1, 2],
    ] as const) {
      const work = run(async () => expectVersion(target, id, version));
      expect(await failureOf(work)).toMatchObject(refusalOf(target.name, id, version));
    }
  });
});

describe('a NESTED call', () => {
  it('that met the expectation and was rolled back has not met it for its transaction', async () => {
    const work = run(async () => {
      expectVersion(Page, 1, 1);
      await failureOf(
        nested(async (em) => {
          await em.update(Page, { id: 1 }, { name: 'nested' });
          throw failure;
        }),
      );
      await database.interfere(page);
    });

    expect(await failureOf(work)).toMatchObject(refusalOf('Page', 1, 1));
  });

  it('that expected and was rolled back has expected all the same', async () => {
    await database.interfere(page);
    const work = run(async (em) => {
      await em.insert(Note, { name: 'outer' });
      await failureOf(
        nested(async () => {
          expectVersion(Page, 1, 1);
          throw failure;
        }),
      );
    });

    expect(await failureOf(work)).toMatchObject(refusalOf('Page', 1, 1));
    expect(await database.plainly(Note).count()).toBe(0);
  });

  it('that met the expectation and was kept has met it', async () => {
    await run(async (em) => {
      expectVersion(Page, 1, 1);
      await nested((inner) => inner.update(Page, { id: 1 }, { name: 'nested' }));
      await em.update(Page, { id: 1 }, { name: 'outer' });
    });

    expect(await database.stored(page)).toMatchObject({ name: 'outer', version: 3 });
  });
});

describe('a transaction that expects no row', () => {
  it('may create one', async () => {
    await run(async (em) => {
      expectAbsence(Page, 2);
      await em.insert(Page, { id: 2, name: 'new' });
    });

    expect(await database.plainly(Page).findOneBy({ id: 2 })).toMatchObject({ name: 'new', version: 1 });
  });

  it.each(Object.entries(WRITES_OF_PAGE))('is refused by %s when there is one', async (_name, write) => {
    const work = run(async (em) => {
      expectAbsence(Page, 1);
      await write(em);
    });

    expect(await failureOf(work)).toMatchObject({ code: 'OPTIMISTIC_LOCK', retryable: false });
    expect(await database.stored(page)).toEqual(page);
  });

  it('may leave it at that', async () => {
    await run(async () => expectAbsence(Page, 3));
    await run(async (em) => {
      expectAbsence(Page, 3);
      await em.query(`INSERT INTO page (id, name, version) VALUES (3, 'by hand', 1)`);
    });

    expect(await database.plainly(Page).count()).toBe(2);
  });

  it('is refused at COMMIT when there is one, although it has written nothing of it', async () => {
    const work = run(async (em) => {
      expectAbsence(Page, 1);
      await em.save(await loadedPage(em));
    });

    expect(await failureOf(work)).toMatchObject({ code: 'OPTIMISTIC_LOCK', retryable: false });
  });
});
