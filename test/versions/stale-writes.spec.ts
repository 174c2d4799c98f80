import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cases } from '../support/thoroughness.js';
import { Branch, Car, Country, Folder, Oddity, Seat, Ticket } from './entities.js';
import { ENTITIES_OF_KINDS, KINDS, sowFor, WRITES } from './kinds.js';
import { OptimisticLockError } from './library.js';
import { conflictOn, failureOf, perform, VersionedDatabase } from './versioned-database.js';

let database: VersionedDatabase;
const rarer = KINDS.filter(({ target }) =>
  [Country, Ticket, Oddity, Seat, Car, Folder, Branch].includes(target as never),
);
const usual = KINDS.filter((kind) => !rarer.includes(kind));

beforeAll(async () => {
  database = await VersionedDatabase.open(ENTITIES_OF_KINDS);
});
afterAll(() => database.close());

describe.each([
  { where: 'outside of a transaction', kinds: cases(usual, rarer) },
  { where: 'in a transaction', kinds: cases(KINDS.slice(0, 1), KINDS.slice(1)) },
] as const)('$where', ({ where, kinds }) => {
  describe.each(kinds)('an entity with $kind', (kind) => {
    it.each(WRITES)('meets $write with its version, and has the new one after it', async (write) => {
      const entity = await sowFor(database, { kind, write });
      const before = Number(database.versionOf(entity));
      const key = { ...entity };
      await perform(where, database, () => write.perform(database.dataSource.manager, entity));

      const stored = await database.stored(Object.assign(Object.create(Object.getPrototypeOf(entity)), key));
      if (write.write === 'remove') return expect(stored).toBeNull();
      expect(Number(database.versionOf(stored!))).toBe(before + 1);
      expect(database.versionOf(entity)).toBe(database.versionOf(stored!));
      expect(entity).toMatchObject({ ...stored });
    });

    it.each(WRITES)('refuses $write when its row was changed meanwhile', async (write) => {
      const entity = await sowFor(database, { kind, write });
      const expected = database.versionOf(entity);
      await database.interfere(entity);
      const theirs = await database.stored(entity);

      const failure = await failureOf(
        perform(where, database, () => write.perform(database.dataSource.manager, entity)),
      );
      expect(failure).toBeInstanceOf(OptimisticLockError);
      expect(failure).toMatchObject(conflictOn(kind.target.name, kind.id, expected));
      expect([undefined, database.versionOf(theirs!)]).toContain(failure.actual);
      expect(await database.stored(entity)).toEqual(theirs);
      expect(database.versionOf(entity)).toBe(expected);
    });

    it.each(WRITES)('refuses $write when its row was removed meanwhile', async (write) => {
      const entity = await sowFor(database, { kind, write });
      const expected = database.versionOf(entity);
      await database.removeBehindItsBack(entity);

      const failure = await failureOf(
        perform(where, database, () => write.perform(database.dataSource.manager, entity)),
      );
      expect(failure).toMatchObject(conflictOn(kind.target.name, kind.id, expected));
      expect(await database.stored(entity)).toBeNull();
    });
  });
});
