import 'reflect-metadata';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConflictException } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
  type Repository,
} from 'typeorm';
import { OptimisticLockError } from '@nest-transactional/core';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { blocksOf, ROOT } from './markdown.js';

@Entity()
class Product {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column()
  name!: string;

  @Column()
  stock!: number;

  @Column({ type: 'jsonb', default: [] })
  tags!: string[];

  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt!: Date;

  @VersionColumn()
  version!: number;
}

type SaveMerged = (products: Repository<Product>, base: Product, mine: Product) => Promise<Product>;

/** An editor has loaded the product, and then makes a change of it. */
type Edit = (change: Partial<Product>) => Promise<Product>;

let directory: string;
let database: EnlistedDatabase;
let products: Repository<Product>;
let saveMerged: SaveMerged;
let id: string;

beforeAll(async () => {
  directory = writeRecipe();
  ({ saveMerged } = (await import(join(directory, 'save-merged.ts'))) as { saveMerged: SaveMerged });
  database = await EnlistedDatabase.open({ entities: [Product] });
  products = database.dataSource.getRepository(Product);
});
beforeEach(async () => {
  await database.dataSource.query('TRUNCATE product');
  ({ id } = await products.save({ name: 'Stool', stock: 1, tags: ['wood'] }));
});
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await database.close();
});

async function open(): Promise<Edit> {
  const base = await products.findOneByOrFail({ id });
  return (change) => saveMerged(products, base, Object.assign(products.create(), base, change));
}

const stored = (): Promise<Product> => products.findOneByOrFail({ id });

describe('two editors who have opened the same product', () => {
  it('both keep what they have changed, where it does not contradict', async () => {
    const [ann, bob] = [await open(), await open()];
    await Promise.all([ann({ name: 'Chair' }), bob({ stock: 5 })]);

    expect(await stored()).toMatchObject({ name: 'Chair', stock: 5, tags: ['wood'], version: 3 });
  });

  it('are told of the fields that contradict, and of nothing else', async () => {
    const [ann, bob] = [await open(), await open()];
    await ann({ name: 'Chair', stock: 5 });
    const failure = await failureOf(bob({ name: 'Bench', tags: ['oak'] }));

    expect(failure).toBeInstanceOf(ConflictException);
    expect(failure.getResponse()).toEqual({ conflicts: ['name'], theirs: await stored() });
    expect(await stored()).toMatchObject({ name: 'Chair', stock: 5, tags: ['wood'], version: 2 });
  });

  it('do not contradict where they have made the same change', async () => {
    const [ann, bob] = [await open(), await open()];
    await ann({ tags: ['wood', 'oak'] });
    await bob({ tags: ['wood', 'oak'], stock: 5 });

    expect(await stored()).toMatchObject({ tags: ['wood', 'oak'], stock: 5, version: 3 });
  });

  it('are told when the product is gone', async () => {
    const bob = await open();
    await products.delete({ id });

    expect(await failureOf(bob({ stock: 5 }))).toBeInstanceOf(OptimisticLockError);
    expect(await products.count()).toBe(0);
  });

  it('may be more than two, all at once', async () => {
    const edits = await Promise.all([open(), open(), open()]);
    const changes: Partial<Product>[] = [{ name: 'Chair' }, { stock: 5 }, { tags: [] }];
    await Promise.all(edits.map((edit, index) => edit(changes[index]!)));

    expect(await stored()).toMatchObject({ name: 'Chair', stock: 5, tags: [], version: 4 });
  });

  it('get a date of the last change that goes forward', async () => {
    const { updatedAt } = await stored();
    const [ann, bob] = [await open(), await open()];
    await ann({ name: 'Chair' });
    const between = (await stored()).updatedAt;
    await bob({ stock: 5 });

    const { updatedAt: last } = await stored();
    expect(between.getTime()).toBeGreaterThan(updatedAt.getTime());
    expect(last.getTime()).toBeGreaterThan(between.getTime());
  });
});

/** The blocks of the guide under the names that their first lines tell, where jest transforms them like any source. */
function writeRecipe(): string {
  const parent = join(ROOT, '.data');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'three-way-merge-'));
  for (const { text } of blocksOf('docs/guide/merging-conflicts.md', 'ts')) {
    const [, name] = /^\/\/ ([\w.-]+\.ts)\n/.exec(text) ?? [];
    if (name !== undefined) writeFileSync(join(folder, name), text);
  }
  return folder;
}
