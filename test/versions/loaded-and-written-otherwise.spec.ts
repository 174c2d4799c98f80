import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, Entity, PrimaryColumn, VersionColumn, type EntityManager } from 'typeorm';
import { expectVersion } from '@nest-transactional/core';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

/** Its key is written in another way than entities have it. */
const prefixed = { to: (id: string) => id.slice(4), from: (id: string) => `doc_${id}` };

@Entity()
class Doc {
  @PrimaryColumn('uuid')
  id!: string;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;
}

@Entity()
class Coded {
  @PrimaryColumn('varchar', { transformer: prefixed })
  id!: string;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;
}

const ID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open({ entities: [Doc, Coded] }, { log: { error: () => undefined } });
});
beforeEach(async () => {
  await database.observer.query('TRUNCATE doc, coded');
  await database.observer.query('INSERT INTO doc VALUES ($1, $2, 1)', [ID, 'd']);
  await database.observer.query(`INSERT INTO coded VALUES ('7', 'd', 1)`);
});
afterAll(() => database.close());

const run = <T>(work: (em: EntityManager) => Promise<T>): Promise<T> => database.transactions.run(work);
const stored = async (): Promise<Partial<Doc>> => {
  const { rows } = await database.observer.query<Doc>('SELECT name, version FROM doc');
  return rows[0]!;
};
const load = (em: EntityManager): Promise<Doc> => em.findOneByOrFail(Doc, { id: ID });

describe('an entity whose row the transaction has written by another way since', () => {
  it.each<[string, (em: EntityManager) => Promise<unknown>]>([
    ['update()', (em) => em.update(Doc, { name: 'd' }, { name: 'x' })],
    [
      'a builder',
      (em) => em.createQueryBuilder().update(Doc).set({ name: 'x' }).where('name = :d', { d: 'd' }).execute(),
    ],
    ['an upsert', (em) => em.upsert(Doc, { id: ID, name: 'x' }, ['id'])],
    ['another object', async (em) => em.save(Object.assign(await load(em), { name: 'x' }))],
    ['SQL', (em) => em.query(`UPDATE doc SET name = 'x', version = version + 1`)],
  ])('is compared with the row again: after %s', async (_, write) => {
    const work = run(async (em) => {
      const doc = await load(em);
      await write(em);
      doc.name = 'd';
      await em.save(doc);
    });

    expect(await failureOf(work)).toMatchObject({ code: 'OPTIMISTIC_LOCK', expected: 1, actual: 2 });
  });

  it('is saved after a REQUIRES_NEW that saved the same object', async () => {
    await run(async (em) => {
      const doc = await load(em);
      await database.transactions.run({ propagation: 'REQUIRES_NEW' }, (inner) =>
        inner.save(Object.assign(doc, { name: 'inner' })),
      );
      await em.save(Object.assign(doc, { name: 'outer' }));
    });

    expect(await stored()).toEqual({ name: 'outer', version: 3 });
  });

  it('is saved again after a savepoint by hand was rolled back', async () => {
    await run(async (em) => {
      const doc = await load(em);
      await em.queryRunner!.startTransaction();
      await em.save(Object.assign(doc, { name: 'x' }));
      expect(doc.version).toBe(2);
      await em.queryRunner!.rollbackTransaction();
      expect(doc.version).toBe(1);
      await em.save(doc);
    });

    expect(await stored()).toEqual({ name: 'x', version: 2 });
  });
});

describe('one and the same key', () => {
  it('may be spelt in two ways', async () => {
    await run(async (em) => {
      expectVersion(Doc, ID.toUpperCase(), 1);
      await em.save(Object.assign(await load(em), { name: 'x' }));
    });

    expect(await stored()).toEqual({ name: 'x', version: 2 });
  });

  it('may be so when many are removed', async () => {
    const other = 'b1eebc99-9c0b-4ef8-bb6d-6bb9bd380a22';
    await database.observer.query('INSERT INTO doc VALUES ($1, $2, 1)', [other, 'd']);
    const docs = await database.dataSource.getRepository(Doc).find();
    await database.dataSource.manager.remove(
      docs.map((doc) => Object.assign(doc, { id: doc.id.toUpperCase() })),
    );

    expect(await stored()).toBeUndefined();
  });

  it('may be written in another way than entities have it', async () => {
    await run(async (em) => {
      expectVersion(Coded, 'doc_7', 1);
      await em.update(Coded, { id: 'doc_7' }, { name: 'x' });
    });
    await database.transactions.run({ retry: 1 }, async (em) => {
      const coded = await em.findOneByOrFail(Coded, { id: 'doc_7' });
      if (database.transactions.current!.attempt === 1)
        await database.observer.query('UPDATE coded SET version = version + 1');
      await em.save(Object.assign(coded, { name: 'y' }));
    });

    const { rows } = await database.observer.query('SELECT name, version FROM coded');
    expect(rows).toEqual([{ name: 'y', version: 4 }]);
  });
});
