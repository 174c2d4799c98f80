import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConflictException, type Type } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, DataSource, Entity, PrimaryGeneratedColumn, VersionColumn } from 'typeorm';
import { TransactionalModule } from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { blocksOf, codeIn, read, ROOT, sectionOf, tableIn } from './markdown.js';

const PAGE = 'docs/guide/which-lock.md';

@Entity()
class Product {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column() stock!: number;
  @VersionColumn() version!: number;
}

@Entity('orders')
class Order {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column() customer!: string;
  @Column() status!: string;
  @Column() totalCents!: number;
}

@Entity()
class AuditEntry {
  @PrimaryGeneratedColumn('uuid') id!: string;
  @Column() action!: string;
}

/** What the blocks of the page take for granted. */
const AMBIENT = 'what-the-examples-talk-about';
const HEADER = [
  `import { lockForUpdate, Transactional } from '@nest-transactional/core';`,
  `import { ConflictException } from '@nestjs/common';`,
  `const { products, orders, audit, manager } = Reflect.get(globalThis, '${AMBIENT}');`,
].join('\n');

let directory: string;
let app: TestingModule;
let dataSource: DataSource;

beforeAll(async () => {
  directory = makeDirectory();
  const url = await createDatabase();
  const entities = [Product, Order, AuditEntry];
  dataSource = new DataSource({ type: 'postgres', url, entities, synchronize: true, poolSize: 10 });
  const { manager } = dataSource;
  const [products, orders, audit] = entities.map((entity) => dataSource.getRepository<object>(entity));
  Object.assign(globalThis, { [AMBIENT]: { manager, products, orders, audit } });
  app = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRootAsync({
        useFactory: () => dataSource.options,
        dataSourceFactory: () => dataSource.initialize(),
      }),
      TransactionalModule.forRoot(),
    ],
    providers: await examples(),
  }).compile();
  await app.init();
});
beforeEach(() => dataSource.query('TRUNCATE product, orders, audit_entry'));
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  Reflect.deleteProperty(globalThis, AMBIENT);
  await app.close();
});

describe('eight at once', () => {
  it.each(['VersionedStock', 'LockedStock'])('take no more than there is: %s', async (name) => {
    const { id } = await dataSource.getRepository(Product).save({ stock: 5 });
    const { stored, refused } = await eightTimes(name, 'take', id);

    expect({ stored, refused }).toEqual({ stored: 5, refused: 3 });
    expect(await dataSource.getRepository(Product).findOneBy({ id })).toMatchObject({ stock: 0, version: 6 });
  });

  it('place no more than three orders', async () => {
    const { stored, refused } = await eightTimes('CappedOrders', 'place', 'Ann');

    expect({ stored, refused }).toEqual({ stored: 3, refused: 5 });
    expect(await dataSource.getRepository(Order).countBy({ customer: 'Ann' })).toBe(3);
  });

  it('write one report', async () => {
    const { results } = await eightTimes('DailyReport', 'write', '2030-01-01');

    expect(results).toHaveLength(8);
    expect(results.filter((isWritten) => isWritten)).toEqual([true]);
    expect(await dataSource.getRepository(AuditEntry).count()).toBe(1);
  });
});

describe('the page', () => {
  it('has the numbers of its plot', () => {
    const rows = tableIn(sectionOf(PAGE, '## What it costs')!);
    const told = rows.flatMap(([, , calm, hot]) => [calm, hot]);
    const drawn = read('docs/guide/which-lock.svg').match(/\d+ %/g);

    expect(told).toEqual(drawn);
  });

  it('speaks of each way that is measured', () => {
    const rows = tableIn(sectionOf(PAGE, '## What it costs')!);

    expect(rows.map(([way]) => (codeIn(way!)[0] ?? way)!.toLowerCase())).toEqual([
      'version',
      'row lock',
      'serializable',
      'advisory lock',
    ]);
  });
});

async function eightTimes(name: string, method: string, argument: string) {
  const service = app.get<Record<string, (argument: string) => Promise<unknown>>>(name);
  const settled = await Promise.allSettled(Array.from({ length: 8 }, () => service[method]!(argument)));
  const results = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const failures: unknown[] = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  const refused = failures.filter((each) => each instanceof ConflictException).length;
  return { results, stored: results.length, refused };
}

function makeDirectory(): string {
  const parent = join(ROOT, '.data');
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, 'which-lock-'));
}

/** The classes of the blocks, each a provider by its name. */
async function examples() {
  const providers: { provide: string; useClass: Type }[] = [];
  for (const { text } of blocksOf(PAGE, 'ts')) {
    const [, file = ''] = /^\/\/ ([\w.-]+\.ts)\n/.exec(text) ?? [];
    writeFileSync(join(directory, file), `${HEADER}\n${text}`);
    const classes = (await import(join(directory, file))) as Record<string, Type>;
    for (const [provide, useClass] of Object.entries(classes)) providers.push({ provide, useClass });
  }
  return providers;
}
