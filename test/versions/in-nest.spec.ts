import { Injectable } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, Repository } from 'typeorm';
import {
  MissingVersionError,
  Transactional,
  TransactionalModule,
  TransactionManager,
  type TransactionalModuleOptions,
} from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { failureOf } from './versioned-database.js';
import { Leaflet, Page } from './entities.js';

class Again extends Error {}
const on = (error: unknown): boolean => error instanceof Again;

@Injectable()
class Pages {
  constructor(
    @InjectRepository(Page) readonly pages: Repository<Page>,
    readonly transactions: TransactionManager,
  ) {}

  /** Fails at the first attempts, after the work is done. */
  @Transactional({ retry: { maxRetries: 3, delayMs: 0, on } })
  async atLast(failures: number, work: () => Promise<unknown>): Promise<number> {
    await work();
    const { attempt } = this.transactions.current!;
    if (attempt <= failures) throw new Again();
    return attempt;
  }

  @Transactional({ retry: { maxRetries: 3, delayMs: 1 } })
  async rename(page: Page, name: string): Promise<Page> {
    return await this.pages.save(Object.assign(page, { name }));
  }
}

let application: INestApplication;
let service: Pages;
let dataSource: DataSource;

/** An application as a user would write it. */
async function start(options: TransactionalModuleOptions, isFirst: boolean): Promise<INestApplication> {
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url: workerDatabaseUrl(),
        entities: [Page, Leaflet],
        synchronize: isFirst,
        dropSchema: isFirst,
        retryAttempts: 0,
      }),
      TypeOrmModule.forFeature([Page, Leaflet]),
      TransactionalModule.forRoot(options),
    ],
    providers: [Pages],
  }).compile();
  return await module.createNestApplication({ logger: false }).init();
}

beforeAll(async () => {
  application = await start({}, true);
  service = application.get(Pages);
  dataSource = application.get(DataSource);
});
beforeEach(() => dataSource.query('TRUNCATE page, leaflet RESTART IDENTITY'));
afterAll(() => application.close());

const stored = (): Promise<Page[]> =>
  dataSource.query('SELECT name, version, "deletedAt" FROM page ORDER BY id');

describe('a method that is tried again, with an entity from outside of it,', () => {
  it.each([0, 1, 3])('inserts it once, after %i failures', async (failures) => {
    const page = Object.assign(new Page(), { name: 'new' });
    expect(await service.atLast(failures, () => service.pages.save(page))).toBe(failures + 1);

    expect(page).toMatchObject({ version: 1 });
    expect(await stored()).toMatchObject([{ name: 'new', version: 1 }]);
  });

  it('updates it once', async () => {
    const page = await service.pages.save({ name: 'page' });
    await service.atLast(3, () => service.pages.save(Object.assign(page, { name: 'changed' })));

    expect(page.version).toBe(2);
    expect(await stored()).toMatchObject([{ name: 'changed', version: 2 }]);
    await service.rename(page, 'again');
    expect(await stored()).toMatchObject([{ name: 'again', version: 3 }]);
  });

  it('updates it as often as one attempt does', async () => {
    const page = await service.pages.save({ name: 'page' });
    await service.atLast(2, async () => {
      await service.pages.save(Object.assign(page, { name: 'first' }));
      await service.pages.save(Object.assign(page, { name: 'second' }));
    });

    expect(await stored()).toMatchObject([{ name: 'second', version: 3 }]);
  });

  it('removes it', async () => {
    const page = await service.pages.save({ name: 'page' } as Page);
    await service.atLast(2, () => service.pages.remove(page));

    expect(await stored()).toEqual([]);
  });

  it('soft-removes it, and recovers it', async () => {
    const page = await service.pages.save(Object.assign(new Page(), { name: 'page' }));
    await service.atLast(2, () => service.pages.softRemove(page));
    expect(await stored()).toMatchObject([{ version: 2, deletedAt: expect.any(Date) }]);

    await service.atLast(2, () => service.pages.recover(page));
    expect(await stored()).toMatchObject([{ version: 3, deletedAt: null }]);
    expect(page).toMatchObject({ version: 3, deletedAt: null });
  });

  it('does not overcome a conflict with what it holds in its hands', async () => {
    const page = await service.pages.save(Object.assign(new Page(), { name: 'page' }));
    await dataSource.query('UPDATE page SET version = version + 1');

    expect(await failureOf(service.rename(page, 'stale'))).toMatchObject({
      code: 'RETRIES_EXHAUSTED',
      cause: { code: 'OPTIMISTIC_LOCK', entity: 'Page', id: 1, expected: 1 },
    });
    expect(page.version).toBe(1);
  });
});

describe('the module’s policy for missing versions', () => {
  let strict: INestApplication;
  beforeAll(async () => {
    strict = await start({ versions: { missing: 'reject' } }, false);
  });
  afterAll(() => strict.close());

  it('holds in that application alone', async () => {
    await service.pages.save({ name: 'page' });
    const page = { id: 1, name: 'changed' } as Page;

    expect(await failureOf(strict.get(Pages).rename(page, 'refused'))).toBeInstanceOf(MissingVersionError);
    await service.rename(page, 'changed');
    expect(await stored()).toMatchObject([{ name: 'changed', version: 2 }]);
  });

  it('gives way to the policy of an entity', async () => {
    const leaflets = strict.get(DataSource).getRepository(Leaflet);
    await leaflets.save({ name: 'leaflet' });
    await leaflets.save({ id: 1, name: 'changed' });

    expect(await leaflets.find()).toMatchObject([{ name: 'changed', version: 2 }]);
  });
});
