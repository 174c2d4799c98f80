import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ObjectLiteral } from 'typeorm';
import { cases } from '../support/thoroughness.js';
import { Chapter, Country, Ledger, Letter, Line, Order, Page, Seat } from './entities.js';
import { Failing, failing, failure, UNDONE, UNDONE_WRITES } from './undone-writes.js';
import { failureOf, VersionedDatabase } from './versioned-database.js';

let database: VersionedDatabase;

beforeAll(async () => {
  const entities = [Letter, Page, Country, Seat, Ledger, Order, Line, Chapter];
  database = await VersionedDatabase.open(entities, { subscribers: [Failing] }, { random: () => 0 });
});
beforeEach(async () => {
  failing.after = undefined;
  await database.empty();
});
afterAll(() => database.close());

/** What the user has set: a rollback does not take it back. */
const USERS_OWN = ['name', 'copies'];

const usual = ['a rolled back transaction', 'a rolled back NESTED call', 'a transaction of save() itself'];
const further = Object.keys(UNDONE).filter((how) => !usual.includes(how));

describe.each(cases(usual, further))('after %s', (how) => {
  // A second statement of such a write has a transaction of its own.
  const isPossible = (write: string): boolean => !how.includes('save() itself') || !/^two|,/.test(write);
  const writes = UNDONE_WRITES.filter(({ write }) => isPossible(write));

  it.each(writes)('$write is undone in memory, too, and can be done again', async (write) => {
    const entity = await write.prepare(database);
    const perform = (): Promise<unknown> =>
      write.perform(database.transactions.entityManager(), entity as never);
    const before = withoutUsersOwn(entity);
    await failureOf(UNDONE[how]!(database, perform, write.event));
    expect(withoutUsersOwn(entity)).toEqual(before);

    failing.after = undefined;
    await database.transactions.run(perform);
    if (write.event === 'remove') return expect(entity['id']).toBeUndefined();
    const target = entity.constructor === Object ? Letter : (entity.constructor as typeof Letter);
    const stored = await database.plainly(target).find({ withDeleted: true });
    expect(stored).toHaveLength(1);
    expect(stored[0]).toMatchObject({ ...entity });
  });
});

describe('after a rolled back transaction', () => {
  it('all of a cascade is in memory as it was before', async () => {
    const order = await database.seed(Order, { name: 'order', lines: [{ name: 'a' }] });
    const found = await database
      .repository(Order)
      .findOneOrFail({ where: { id: order.id }, relations: { lines: true } });
    const added = Object.assign(new Line(), { name: 'new' });
    await failureOf(
      database.transactions.run(async (em) => {
        found.name = found.lines[0]!.name = 'changed';
        found.lines.push(added);
        await em.save(found);
        throw failure;
      }),
    );

    expect(found).toMatchObject({ version: 1, lines: [{ version: 1 }, { name: 'new' }] });
    expect([added.id, added.version, added.deletedAt]).toEqual([undefined, undefined, undefined]);
    await database.repository(Order).save(found);
    expect(await database.plainly(Line).find({ order: { id: 'ASC' } })).toMatchObject([
      { name: 'changed', version: 2 },
      { name: 'new', version: 1 },
    ]);
  });

  it('what another transaction stored meanwhile keeps its new version', async () => {
    const [outer, separate] = [
      await database.seed(Page, { name: 'a' }),
      await database.seed(Page, { name: 'b' }),
    ];
    const work = database.transactions.run(async (em) => {
      await em.save(Object.assign(outer, { name: 'changed' }));
      await database.transactions.run({ propagation: 'REQUIRES_NEW' }, (own) =>
        own.save(Object.assign(separate, { name: 'changed' })),
      );
      throw failure;
    });
    await failureOf(work);

    expect([outer.version, separate.version]).toEqual([1, 2]);
    await database
      .repository(Page)
      .save([outer, separate].map((each) => Object.assign(each, { name: 'again' })));
    expect([outer.version, separate.version]).toEqual([2, 3]);
  });

  it('that COMMIT refused, too', async () => {
    await database.plain.query(
      'CREATE TABLE IF NOT EXISTS seat_plan (place int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    );
    const page = await database.seed(Page, { name: 'page' });
    const added = Object.assign(new Page(), { name: 'new' });
    const work = database.transactions.run(async (em) => {
      await em.save([Object.assign(page, { name: 'changed' }), added]);
      await em.query('INSERT INTO seat_plan VALUES (1), (1)');
    });

    expect(await failureOf(work)).toMatchObject({ driverError: { code: '23505' } });
    expect([page.version, added.id, added.version]).toEqual([1, undefined, undefined]);
  });
});

describe('after a rolled back NESTED call', () => {
  it('an entity has what the outer transaction had given it', async () => {
    const page = await database.seed(Page, { name: 'page' });
    await database.transactions.run(async (em) => {
      await em.save(Object.assign(page, { name: 'outer' }));
      const nested = database.transactions.run({ propagation: 'NESTED' }, async (inner) => {
        await inner.save(Object.assign(page, { name: 'nested' }));
        expect(page.version).toBe(3);
        throw failure;
      });
      await failureOf(nested);
      expect(page.version).toBe(2);
      await em.save(Object.assign(page, { name: 'after' }));
    });

    expect(page.version).toBe(3);
    expect(await database.stored(page)).toMatchObject({ name: 'after', version: 3 });
  });

  it('a removed entity can be saved in the outer transaction', async () => {
    const page = await database.seed(Page, { name: 'page' });
    await database.transactions.run(async (em) => {
      await failureOf(
        em.transaction(async (inner) => {
          await inner.remove(page);
          throw failure;
        }),
      );
      await em.save(Object.assign(page, { name: 'changed' }));
    });

    expect(await database.stored(page)).toMatchObject({ id: 1, name: 'changed', version: 2 });
  });
});

function withoutUsersOwn(entity: ObjectLiteral): object {
  return Object.fromEntries(Object.entries(entity).filter(([name]) => !USERS_OWN.includes(name)));
}
