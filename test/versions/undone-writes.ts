import { expect } from '@jest/globals';
import {
  EventSubscriber,
  type EntityManager,
  type EntitySubscriberInterface,
  type ObjectLiteral,
} from 'typeorm';
import { Chapter, Country, Ledger, Letter, Page, Seat } from './entities.js';
import { failureOf, type VersionedDatabase } from './versioned-database.js';

export const failure = new Error('undo');

/** Of what kind of write the subscriber fails after it, so that `save()` undoes its own transaction. */
export const failing: { after: string | undefined } = { after: undefined };

@EventSubscriber()
export class Failing implements EntitySubscriberInterface {
  afterInsert = (): void => this.#fail('insert');
  afterUpdate = (): void => this.#fail('update');
  afterRemove = (): void => this.#fail('remove');
  afterSoftRemove = (): void => this.#fail('soft-remove');
  afterRecover = (): void => this.#fail('recover');

  #fail(event: string): void {
    if (event === failing.after) throw failure;
  }
}

type Undo = (database: VersionedDatabase, write: () => Promise<unknown>, event: string) => Promise<unknown>;

/** Ways in which a write comes to nothing. */
export const UNDONE: Record<string, Undo> = {
  'a rolled back transaction': ({ transactions }, write) =>
    transactions.run(async () => {
      await write();
      throw failure;
    }),
  'a condemned transaction': ({ transactions }, write) =>
    transactions.run(async () => {
      await write();
      transactions.current!.setRollbackOnly();
    }),
  'a transaction that fails with a statement': ({ transactions }, write) =>
    transactions.run(async (em) => {
      await write();
      await em.query('SELECT 1/0');
    }),
  'a rolled back NESTED call': ({ transactions }, write) =>
    transactions.run(async () => {
      const nested = transactions.run({ propagation: 'NESTED' }, async () => {
        await write();
        throw failure;
      });
      expect(await failureOf(nested)).toBe(failure);
      throw failure;
    }),
  'a kept NESTED call of a rolled back transaction': ({ transactions }, write) =>
    transactions.run(async () => {
      await transactions.run({ propagation: 'NESTED' }, write);
      throw failure;
    }),
  'a rolled back manager.transaction()': ({ transactions }, write) =>
    transactions.run(async (em) => {
      const inner = em.transaction(async () => {
        await write();
        throw failure;
      });
      expect(await failureOf(inner)).toBe(failure);
      throw failure;
    }),
  'a transaction of save() itself': (_database, write, event) => {
    failing.after = event;
    return write();
  },
};

export interface UndoneWrite {
  readonly write: string;
  readonly event: string;
  readonly prepare: (database: VersionedDatabase) => Promise<ObjectLiteral>;
  readonly perform: (manager: EntityManager, entity: never) => Promise<unknown>;
}

const created =
  <E extends ObjectLiteral>(target: new () => E, values: Partial<E>) =>
  async (): Promise<E> =>
    Object.assign(new target(), values);
const loaded =
  <E extends ObjectLiteral>(target: new () => E, values: object) =>
  async (database: VersionedDatabase): Promise<E> =>
    database.reloaded(await database.seed(target, values as never));

async function softDeleted(database: VersionedDatabase): Promise<Letter> {
  const letter = await database.seed(Letter, { name: 'letter' });
  await database.plainly(Letter).softDelete(letter.id);
  return await database.reloaded(letter);
}

export const UNDONE_WRITES: readonly UndoneWrite[] = [
  {
    write: 'an insert',
    event: 'insert',
    prepare: created(Letter, { name: 'new' }),
    perform: (manager, each) => manager.save(each),
  },
  {
    write: 'an insert with a key chosen by hand',
    event: 'insert',
    prepare: created(Country, { code: 'fr', name: 'new' }),
    perform: (manager, each) => manager.save(each),
  },
  {
    write: 'an insert of a plain object',
    event: 'insert',
    prepare: async () => ({ name: 'new' }),
    perform: (manager, each) => manager.save(Letter, each),
  },
  {
    write: 'an insert into a tree',
    event: 'insert',
    prepare: created(Chapter, { name: 'new' }),
    perform: (manager, each) => manager.save(each),
  },
  {
    write: 'an update',
    event: 'update',
    prepare: loaded(Letter, { name: 'letter' }),
    perform: (manager, each: Letter) => manager.save(Object.assign(each, { copies: 2 })),
  },
  {
    write: 'an update without reload',
    event: 'update',
    prepare: loaded(Letter, { name: 'letter' }),
    perform: (manager, each: Letter) => manager.save(Object.assign(each, { copies: 2 }), { reload: false }),
  },
  {
    write: 'an update of a bigint version',
    event: 'update',
    prepare: loaded(Ledger, { name: 'ledger' }),
    perform: (manager, each: Ledger) => manager.save(Object.assign(each, { name: 'changed' })),
  },
  {
    write: 'two updates',
    event: 'update',
    prepare: loaded(Page, { name: 'page' }),
    perform: async (manager, each: Page) => {
      await manager.save(Object.assign(each, { name: 'first' }));
      await manager.save(Object.assign(each, { name: 'second' }));
    },
  },
  {
    write: 'a removal',
    event: 'remove',
    prepare: loaded(Letter, { name: 'letter' }),
    perform: (manager, each) => manager.remove(each),
  },
  {
    write: 'a removal by a composite key',
    event: 'remove',
    prepare: loaded(Seat, { row: 'A', place: 1, name: 'seat' }),
    perform: (manager, each) => manager.remove(each),
  },
  {
    write: 'a soft removal',
    event: 'soft-remove',
    prepare: loaded(Letter, { name: 'letter' }),
    perform: (manager, each) => manager.softRemove(each),
  },
  {
    write: 'a recovery',
    event: 'recover',
    prepare: softDeleted,
    perform: (manager, each) => manager.recover(each),
  },
  {
    write: 'an insertion, an update and a removal',
    event: 'remove',
    prepare: created(Page, { name: 'new' }),
    perform: async (manager, each: Page) => {
      await manager.save(each);
      await manager.save(Object.assign(each, { name: 'changed' }));
      await manager.remove(each);
    },
  },
];
