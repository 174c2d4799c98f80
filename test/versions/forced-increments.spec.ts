import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { Article, Ledger, Note, Page, Seat } from './entities.js';
import { expectVersion, forceIncrement } from './library.js';
import { StatementsOnTheWire } from './statements-on-the-wire.js';
import { conflictOn, failureOf, VersionedDatabase } from './versioned-database.js';

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

describe('a forced increment', () => {
  it('is in memory at once, and stored at COMMIT', async () => {
    await run(async () => {
      forceIncrement(page);
      expect(page.version).toBe(2);
      expect(await database.stored(page)).toMatchObject({ version: 1 });
    });

    expect(await database.stored(page)).toMatchObject({ name: 'ours', version: 2 });
  });

  it('is one UPDATE, which checks the version', async () => {
    const sent = await wire.of(() => run(async () => forceIncrement(page)));

    expect(sent).toEqual([expect.stringMatching(/^UPDATE .* WHERE .*"version" = \$\d/s)]);
  });

  it('is one, however often it is asked for', async () => {
    await run(async () => {
      for (let time = 0; time < 3; time++) forceIncrement(page);
      await Promise.resolve();
      forceIncrement(page);
    });

    expect(page.version).toBe(2);
    expect(await database.stored(page)).toMatchObject({ version: 2 });
  });

  it.each<[string, (em: EntityManager) => Promise<unknown>]>([
    [
      'before it is saved',
      async (em) => {
        forceIncrement(page);
        await em.save(Object.assign(page, { name: 'changed' }));
      },
    ],
    [
      'after it was saved',
      async (em) => {
        await em.save(Object.assign(page, { name: 'changed' }));
        forceIncrement(page);
      },
    ],
    [
      'before and after it is saved',
      async (em) => {
        forceIncrement(page);
        await em.save(Object.assign(page, { name: 'changed' }));
        forceIncrement(page);
      },
    ],
    [
      'beside an update()',
      async (em) => {
        forceIncrement(page);
        await em.update(Page, page.id, { name: 'changed' });
      },
    ],
  ])('asked for %s is that of the write', async (_name, work) => {
    await run(work);

    expect(page.version).toBe(2);
    expect(await database.stored(page)).toMatchObject({ name: 'changed', version: 2 });
  });

  it('of an entity that is removed in the same transaction is nothing', async () => {
    await run(async (em) => {
      forceIncrement(page);
      await em.remove(page);
    });

    expect(await database.plainly(Page).count()).toBe(0);
  });

  it.each<[string, () => Promise<{ name: string }>]>([
    ['a composite key', () => database.seed(Seat, { row: 'A', place: 1, name: 'ours' })],
    ['a bigint version', () => database.seed(Ledger, { name: 'ours' })],
    ['an embedded version', () => database.seed(Article, { name: 'ours' })],
  ])('knows %s', async (_name, seed) => {
    const entity = await database.reloaded(await seed());
    await run(async () => forceIncrement(entity));

    expect(Number(database.versionOf(entity))).toBe(2);
    expect(await database.stored(entity)).toEqual(entity);
  });

  it('leaves the entity fresh: it can be saved after it', async () => {
    await run(async () => forceIncrement(page));
    await database.repository(Page).save(Object.assign(page, { name: 'changed' }));

    expect(await database.stored(page)).toMatchObject({ name: 'changed', version: 3 });
  });

  it('makes what another one has loaded before stale', async () => {
    const other = await database.reloaded(page);
    await run(async () => forceIncrement(page));

    expect(
      await failureOf(database.repository(Page).save(Object.assign(other, { name: 'stale' }))),
    ).toMatchObject(conflictOn('Page', 1, 1));
  });

  it('meets a version that the transaction expects', async () => {
    await run(async () => {
      expectVersion(Page, 1, 1);
      forceIncrement(page);
    });
    expect(await database.stored(page)).toMatchObject({ version: 2 });

    const work = run(async () => {
      expectVersion(Page, 1, 1);
      forceIncrement(page);
    });
    expect(await failureOf(work)).toMatchObject({ code: 'OPTIMISTIC_LOCK', entity: 'Page', id: 1 });
    expect(await database.stored(page)).toMatchObject({ version: 2 });
  });
});

describe('a forced increment of a stale entity', () => {
  it('undoes the transaction, and the version in memory is as before', async () => {
    await database.interfere(page);
    const work = run(async (em) => {
      await em.insert(Note, { name: 'beside' });
      forceIncrement(page);
    });

    expect(await failureOf(work)).toMatchObject(conflictOn('Page', 1, 1));
    expect(page.version).toBe(1);
    expect(await database.plainly(Note).count()).toBe(0);
    expect(await database.stored(page)).toMatchObject({ name: 'theirs', version: 2 });
  });

  it('whose row is gone undoes the transaction, too', async () => {
    await database.removeBehindItsBack(page);

    expect(await failureOf(run(async () => forceIncrement(page)))).toMatchObject(conflictOn('Page', 1, 1));
  });

  it('is a conflict of the server’s at REPEATABLE READ', async () => {
    const work = database.transactions.run({ isolation: 'REPEATABLE READ' }, async (em) => {
      const found = await em.findOneByOrFail(Page, { id: 1 });
      await database.interfere(page);
      forceIncrement(found);
    });
    const conflict = await failureOf(work);

    expect(conflict).toMatchObject(conflictOn('Page', 1, 1));
    expect(conflict.cause).toMatchObject({ driverError: { code: '40001' } });
  });

  it('is stored when the method is tried again', async () => {
    await database.transactions.run({ retry: 2 }, async (em) => {
      const found = await em.findOneByOrFail(Page, { id: 1 });
      if (database.transactions.current!.attempt === 1) await database.interfere(page);
      forceIncrement(found);
    });

    expect(await database.stored(page)).toMatchObject({ name: 'theirs', version: 3 });
  });
});

describe('a forced increment of what is rolled back', () => {
  it('is in memory as before, and not stored', async () => {
    const work = run(async () => {
      forceIncrement(page);
      throw failure;
    });
    await failureOf(work);

    expect(page.version).toBe(1);
    expect(await database.stored(page)).toMatchObject({ version: 1 });
    await database.repository(Page).save(Object.assign(page, { name: 'changed' }));
    expect(page.version).toBe(2);
  });

  it('can be asked for in a second attempt', async () => {
    const again = { retry: { maxRetries: 2, delayMs: 0, on: (error: unknown) => error === failure } };
    await database.transactions.run(again, async () => {
      forceIncrement(page);
      if (database.transactions.current!.attempt < 3) throw failure;
    });

    expect(page.version).toBe(2);
    expect(await database.stored(page)).toMatchObject({ version: 2 });
  });

  it('in a NESTED call is undone with that call alone', async () => {
    const other = await database.seed(Page, { name: 'other' });
    await run(async () => {
      forceIncrement(other);
      await failureOf(
        nested(async () => {
          forceIncrement(page);
          throw failure;
        }),
      );
    });

    expect([page.version, other.version]).toEqual([1, 2]);
    expect(await database.stored(page)).toMatchObject({ version: 1 });
    expect(await database.stored(other)).toMatchObject({ version: 2 });
  });

  it('in a NESTED call that was kept is stored with the whole', async () => {
    await run(async () => {
      await nested(async () => forceIncrement(page));
      expect(page.version).toBe(2);
    });

    expect(await database.stored(page)).toMatchObject({ version: 2 });
  });
});
