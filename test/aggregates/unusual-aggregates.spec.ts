import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ChildEntity,
  Column,
  Entity,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  VersionColumn,
} from 'typeorm';
import { findOrCreate, InvalidOptionsError, VersionedBy } from '@nest-transactional/core';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
class Party {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;
}

@ChildEntity()
class Firm extends Party {}

@Entity()
@VersionedBy(() => Firm, (branch) => branch.firm)
class Branch {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @ManyToOne(() => Firm, { lazy: true })
  firm!: Promise<Firm>;
}

/** A part of another one of its kind, which may be a part of it. */
@Entity()
@VersionedBy(() => Node, (node) => node.parent)
class Node {
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;

  @ManyToOne(() => Node)
  parent?: Node;
}

@Entity()
class Shy {
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn({ select: false })
  version!: number;
}

let database: EnlistedDatabase;
beforeAll(async () => {
  const entities = [Party, Firm, Branch, Node, Shy];
  database = await EnlistedDatabase.open({ entities }, { log: { error: () => undefined } });
});
beforeEach(async () => {
  const { observer } = database;
  await observer.query('TRUNCATE branch, party, node, shy RESTART IDENTITY CASCADE');
  await observer.query(`INSERT INTO party (kind, name, version) VALUES ('Firm', 'f', 1)`);
  await observer.query(`INSERT INTO branch (name, "firmId") VALUES ('b', 1)`);
  await observer.query(`INSERT INTO node VALUES (1, 'n', 1, NULL), (2, 'n', 1, 1)`);
  await observer.query(`UPDATE node SET "parentId" = 2 WHERE id = 1`);
  await observer.query(`INSERT INTO shy VALUES (1, 's', 1)`);
});
afterAll(() => database.close());

const versionsOf = async (table: string): Promise<number[]> => {
  const { rows } = await database.observer.query<{ version: number }>(
    `SELECT version FROM ${table} ORDER BY id`,
  );
  return rows.map(({ version }) => version);
};

describe('a root that shares its table with others', () => {
  it('is checked also where it was loaded as one of them', async () => {
    const work = database.transactions.run(async (em) => {
      await em.findOneBy(Party, { id: 1 });
      await database.observer.query('UPDATE party SET version = 5');
      await em.update(Branch, 1, { name: 'x' });
    });

    expect(await failureOf(work)).toMatchObject({ code: 'OPTIMISTIC_LOCK', expected: 1 });
  });

  it('is raised once also where it is written as one of them', async () => {
    await database.transactions.run(async (em) => {
      await em.update(Party, 1, { name: 'x' });
      await em.update(Branch, 1, { name: 'x' });
    });

    expect(await versionsOf('party')).toEqual([2]);
  });

  it('is not loaded because a part that refers to it lazily is saved', async () => {
    await database.transactions.run(async (em) => {
      const branch = await em.findOneByOrFail(Branch, { id: 1 });
      await em.save(Object.assign(branch, { name: 'x' }));
      await em.save(Object.assign(branch, { name: 'y' }));
    });

    expect(await versionsOf('party')).toEqual([2]);
  });
});

describe('roots that are parts of each other', () => {
  it.each([
    [
      "TypeORM's own transaction",
      (work: () => Promise<unknown>) => database.dataSource.transaction(() => work()),
    ],
    ['a transaction', (work: () => Promise<unknown>) => database.transactions.run(work)],
  ])('are raised once in %s', async (_, within) => {
    await within(() => database.dataSource.manager.update(Node, { id: 1 }, { name: 'x' }));

    expect(await versionsOf('node')).toEqual([2, 2]);
  });

  it('end in a transaction of a runner of its own', async () => {
    await database.dataSource.transaction((em) => em.update(Node, { id: 1 }, { name: 'x' }));

    expect((await versionsOf('node')).every((version) => version > 1)).toBe(true);
  });
});

it('a version that is not selected is checked between the SELECT of save() and its write', async () => {
  const { manager } = database.dataSource;
  const shy = await manager.findOneByOrFail(Shy, { id: 1 });
  await manager.save(Object.assign(shy, { name: 'x' }));

  expect(await versionsOf('shy')).toEqual([2]);
  expect(shy.version).toBe(2);
});

it('a key that the database counts cannot be asked for', async () => {
  const work = findOrCreate(database.dataSource.getRepository(Branch), { id: 77 }, { name: 'x' });

  await expect(work).rejects.toThrow(InvalidOptionsError);
});
