import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Article, Ledger, Letter, Note, Page, Seat, Ticket } from './entities.js';
import {
  incrementVersioned,
  InvalidOptionsError,
  OptimisticLockError,
  UnexpectedRollbackError,
  updateVersioned,
} from './library.js';
import { StatementsOnTheWire } from './statements-on-the-wire.js';
import {
  failureOf,
  perform,
  conflictOn,
  USUAL_SURROUNDINGS,
  VersionedDatabase,
} from './versioned-database.js';

let database: VersionedDatabase;
let wire: StatementsOnTheWire;
let letter: Letter;

beforeAll(async () => {
  wire = await StatementsOnTheWire.listen();
  const entities = [Letter, Ledger, Article, Ticket, Seat, Note, Page];
  database = await VersionedDatabase.open(entities, { url: wire.url });
});
beforeEach(async () => {
  await database.empty();
  letter = await database.seed(Letter, { name: 'ours' });
});
afterAll(async () => {
  await database.close();
  await wire.stop();
});

const letters = (): ReturnType<typeof database.repository<Letter>> => database.repository(Letter);

describe.each(USUAL_SURROUNDINGS)('%s', (where) => {
  const whole = <T>(work: () => Promise<T>): Promise<T> => perform(where, database, work);
  const update = (
    id: number,
    expectedVersion: number,
    values: Partial<Letter> = { name: 'changed' },
  ): Promise<unknown> => whole(() => updateVersioned(letters(), id, { expectedVersion }, values));
  const increment = (expectedVersion: number, by: number): Promise<unknown> =>
    whole(() => incrementVersioned(letters(), 1, { expectedVersion }, 'copies', by));

  it('an update with the right version is stored, and returns the new one', async () => {
    expect(await update(1, 1)).toBe(2);
    expect(await update(1, 2, { name: 'again', copies: 5 })).toBe(3);

    expect(await database.stored(letter)).toMatchObject({ name: 'again', copies: 5, version: 3 });
  });

  it('an update with another version is refused', async () => {
    await database.interfere(letter);
    const failure = await failureOf(update(1, 1));

    expect(failure).toBeInstanceOf(OptimisticLockError);
    expect(failure).toMatchObject(conflictOn('Letter', 1, 1));
    expect(await failure.current()).toMatchObject({ name: 'theirs', version: 2 });
    expect(await database.stored(letter)).toMatchObject({ name: 'theirs', version: 2 });
  });

  it('an update of no row is refused', async () => {
    const failure = await failureOf(update(7, 1));

    expect(failure).toMatchObject(conflictOn('Letter', 7, 1));
    expect(await failure.current()).toBeNull();
  });

  it('an increment adds in the database, and returns the new version', async () => {
    expect(await increment(1, 5)).toBe(2);
    expect(await increment(2, -2)).toBe(3);

    expect(await database.stored(letter)).toMatchObject({ copies: 4, version: 3 });
  });

  it('an increment with another version is refused', async () => {
    expect(await failureOf(increment(2, 5))).toMatchObject(conflictOn('Letter', 1, 2));
    expect(await database.stored(letter)).toMatchObject({ copies: 1, version: 1 });
  });

  it('each is one UPDATE', async () => {
    for (const write of [() => update(1, 1), () => increment(2, 1)]) {
      const sent = await wire.of(write);
      expect(sent).toEqual([
        expect.stringMatching(/^UPDATE .* WHERE .*"version" = \$\d.* RETURNING .*"version"/s),
      ]);
    }
  });

  it('each brings the date of the last change forward, as any update does', async () => {
    await database.plain.query(`UPDATE letter SET "updatedAt" = '2001-01-01'`);
    await update(1, 1);
    const updated = (await database.stored(letter))!.updatedAt;
    expect(updated.getFullYear()).toBeGreaterThan(2001);
    await database.plain.query(`UPDATE letter SET "updatedAt" = '2001-01-01'`);
    await increment(2, 1);

    expect((await database.stored(letter))!.updatedAt.getFullYear()).toBeGreaterThan(2001);
  });

  it('of updates at once with the same version, one is stored', async () => {
    const results = await Promise.allSettled([1, 2, 3, 4, 5].map((copies) => update(1, 1, { copies })));

    expect(results.filter(({ status }) => status === 'fulfilled')).toEqual([
      { status: 'fulfilled', value: 2 },
    ]);
    expect(await database.stored(letter)).toMatchObject({ version: 2 });
  });

  it.each<[string, () => Promise<unknown>, unknown]>([
    [
      'a bigint version',
      async () => {
        await database.seed(Ledger, { name: 'ours' });
        return updateVersioned(database.repository(Ledger), 1, { expectedVersion: '1' }, { name: 'changed' });
      },
      '2',
    ],
    [
      'an embedded version',
      async () => {
        await database.seed(Article, { name: 'ours' });
        return updateVersioned(database.repository(Article), 1, { expectedVersion: 1 }, { name: 'changed' });
      },
      2,
    ],
    [
      'a renamed version column',
      async () => {
        await database.seed(Ticket, { name: 'ours' });
        return updateVersioned(database.repository(Ticket), 1, { expectedVersion: 1 }, { name: 'changed' });
      },
      2,
    ],
    [
      'a composite key',
      async () => {
        await database.seed(Seat, { row: 'A', place: 1, name: 'ours' });
        await database.seed(Seat, { row: 'A', place: 2, name: 'beside' });
        const key = { row: 'A', place: 1 };
        return updateVersioned(database.repository(Seat), key, { expectedVersion: 1 }, { name: 'changed' });
      },
      2,
    ],
  ])('an update knows %s', async (_name, write, version) => {
    expect(await whole(write)).toBe(version);
  });

  it('a conflict names a composite key', async () => {
    const key = { row: 'A', place: 1 };
    const write = whole(() =>
      updateVersioned(database.repository(Seat), key, { expectedVersion: 3 }, { name: 'x' }),
    );

    expect(await failureOf(write)).toMatchObject(conflictOn('Seat', key, 3));
  });

  it.each<[string, () => Promise<unknown>]>([
    [
      'an entity without a version',
      () => updateVersioned(database.repository(Note), 1, { expectedVersion: 1 }, { name: 'x' }),
    ],
    ['no id', () => updateVersioned(letters(), undefined as never, { expectedVersion: 1 }, { name: 'x' })],
    [
      'half of a key',
      () =>
        updateVersioned(
          database.repository(Seat),
          { row: 'A' } as never,
          { expectedVersion: 1 },
          { name: 'x' },
        ),
    ],
    ['no expected version', () => updateVersioned(letters(), 1, {} as never, { name: 'x' })],
    [
      'an undefined expected version',
      () => updateVersioned(letters(), 1, { expectedVersion: undefined as never }, { name: 'x' }),
    ],
    [
      'an expected version that is no number',
      () => updateVersioned(letters(), 1, { expectedVersion: 'new' }, { name: 'x' }),
    ],
    ['an increment of no expected version', () => incrementVersioned(letters(), 1, {} as never, 'copies', 1)],
  ])('%s is refused before anything is sent', async (_name, write) => {
    const sent = await wire.of(async () =>
      expect(await failureOf(whole(write))).toBeInstanceOf(InvalidOptionsError),
    );

    expect(sent).toEqual([]);
  });
});

it('an entity in memory that was loaded before is stale after an explicit update', async () => {
  const before = await database.reloaded(letter);
  await updateVersioned(letters(), 1, { expectedVersion: 1 }, { name: 'changed' });

  expect(await failureOf(letters().save(Object.assign(before, { name: 'stale' })))).toMatchObject(
    conflictOn('Letter', 1, 1),
  );
});

it('a conflict that is caught leaves nothing of the transaction', async () => {
  const work = database.transactions.run(async () => {
    await database.repository(Note).insert({ name: 'beside' });
    await updateVersioned(letters(), 1, { expectedVersion: 9 }, { name: 'x' }).catch(() => undefined);
  });

  expect(await failureOf(work)).toBeInstanceOf(UnexpectedRollbackError);
  expect(await database.plainly(Note).count()).toBe(0);
});
