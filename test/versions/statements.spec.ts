import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AfterLoad, Entity, type DataSource, type EntityManager } from 'typeorm';
import { Article, Branch, Chapter, Line, Order, Page, Stock } from './entities.js';
import { cases } from '../support/thoroughness.js';
import { ENTITIES_OF_KINDS, KINDS, sow, sowFor, WRITES, type Named, type Writer } from './kinds.js';
import { StatementsOnTheWire } from './statements-on-the-wire.js';
import { VersionedDatabase } from './versioned-database.js';

/** Something happens whenever it is loaded. */
@Entity()
class Watched extends Page {
  loads = 0;

  @AfterLoad()
  count(): void {
    this.loads++;
  }
}

let database: VersionedDatabase;
let wire: StatementsOnTheWire;

beforeAll(async () => {
  wire = await StatementsOnTheWire.listen();
  const entities = [...ENTITIES_OF_KINDS, Order, Line, Watched];
  database = await VersionedDatabase.open(entities, { url: wire.url });
});
afterAll(async () => {
  await database.close();
  await wire.stop();
});

/** Does the same with both DataSources; `prepare` comes before each. */
async function compare<T>(
  prepare: () => Promise<T>,
  work: (dataSource: DataSource, prepared: T) => Promise<unknown>,
): Promise<Record<'ours' | 'usual', string[]>> {
  const usually = await prepare();
  const usual = await wire.of(() => work(database.plain, usually));
  const prepared = await prepare();
  return { usual, ours: await wire.of(() => work(database.dataSource, prepared)) };
}

function checks(column: string, sql: string): boolean {
  return new RegExp(`WHERE .*"${column}" = \\$\\d`, 's').test(sql);
}

describe('a write of an entity with', () => {
  const usual = KINDS.filter(({ target }) =>
    [Page, Article, Stock, Chapter, Branch].includes(target as never),
  );
  const further = KINDS.filter((kind) => !usual.includes(kind));

  describe.each(cases(usual, further))('$kind', (kind) => {
    it.each(WRITES)(
      'checks the version in the WHERE of its $write, without a statement more',
      async (write) => {
        const { ours, usual } = await compare(
          () => sowFor(database, { kind, write }),
          ({ manager }, entity) => write.perform(manager as Writer, entity),
        );

        expect(ours).toHaveLength(usual.length);
        const checking = ours.filter((sql) => checks(kind.versionColumn, sql));
        expect(checking).toEqual([expect.stringMatching(/UPDATE|DELETE/)]);
        expect(usual.filter((sql) => checks(kind.versionColumn, sql))).toEqual([]);
      },
    );
  });
});

const threePages = async (): Promise<Page[]> => {
  await database.empty(Page);
  await database.plainly(Page).insert(['a', 'b', 'c'].map((name) => ({ name })));
  const pages = await database.plainly(Page).find({ order: { id: 'ASC' } });
  return pages.map((page) => Object.assign(page, { name: `${page.name}!` }));
};
const orderWithLines = async (): Promise<Order> => {
  await database.empty(Order, Line);
  const { id } = await database.seed(Order, { name: 'order', lines: [{ name: 'a' }, { name: 'b' }] });
  return await database.plainly(Order).findOneOrFail({ where: { id }, relations: { lines: true } });
};
const rename = (order: Order): Order => {
  order.name = 'changed';
  for (const line of order.lines) line.name = 'changed';
  return order;
};

describe('no more statements than TypeORM sends takes', () => {
  it.each<[string, () => Promise<unknown>, (manager: EntityManager, prepared: never) => Promise<unknown>]>([
    ['a batch', threePages, (manager, pages: Page[]) => manager.save(pages)],
    ['a batch in chunks', threePages, (manager, pages: Page[]) => manager.save(pages, { chunk: 2 })],
    ['the removal of a batch', threePages, (manager, pages: Page[]) => manager.remove(pages)],
    ['a save without reload', threePages, (manager, pages: Page[]) => manager.save(pages, { reload: false })],
    [
      'a save without listeners',
      threePages,
      (manager, [page]: Page[]) => manager.save(page, { listeners: false }),
    ],
    [
      'a save that writes nothing',
      threePages,
      (manager, [page]: Page[]) => manager.save(Page, Object.assign(page!, { name: 'a' })),
    ],
    [
      'a plain object',
      threePages,
      (manager, [page]: Page[]) =>
        manager.save(Page, { id: page!.id, version: page!.version, name: 'other' }),
    ],
    ['an insert', threePages, (manager) => manager.save(Page, { name: 'new' })],
    ['cascaded updates', orderWithLines, (manager, order: Order) => manager.save(rename(order))],
    [
      'cascaded inserts',
      orderWithLines,
      (manager) => manager.save(Order, { name: 'new', lines: [{ name: 'new' }] }),
    ],
    ['cascaded removals', orderWithLines, (manager, order: Order) => manager.remove(order)],
    ['an upsert', threePages, (manager) => manager.upsert(Page, { id: 1, name: 'upserted' }, ['id'])],
  ])('%s', async (_name, prepare, work) => {
    const { ours, usual } = await compare(prepare, ({ manager }, prepared) =>
      work(manager, prepared as never),
    );

    expect(ours).toHaveLength(usual.length);
  });
});

describe('find, change and save in one transaction', () => {
  const findChangeSave = async (manager: EntityManager, entity: Named): Promise<void> => {
    const { target } = manager.dataSource.getMetadata(entity.constructor);
    const where = manager.dataSource.getMetadata(target).getEntityIdMap(entity)!;
    const found = await manager.findOneByOrFail(target, where);
    await manager.save(Object.assign(found, { name: 'changed' }));
  };
  // TypeORM's own SELECT has its say in trees.
  const plainly = KINDS.filter(({ kind }) => !kind.includes('tree'));

  it.each(plainly)('select once and update once an entity with $kind', async (kind) => {
    const page = await sow(database, kind);
    const sent = await wire.of(() => database.transactions.run((manager) => findChangeSave(manager, page)));

    expect(sent).toEqual([expect.stringMatching(/^SELECT/), expect.stringMatching(/^UPDATE/)]);
    expect(checks(kind.versionColumn, sent[1]!)).toBe(true);
  });

  it('take three round trips', async () => {
    const page = await sow(database, KINDS[0]!);

    expect(
      await wire.roundTripsOf(() => database.transactions.run((manager) => findChangeSave(manager, page))),
    ).toBe(3);
  });

  it('do not select again for a second change either', async () => {
    const page = await sow(database, KINDS[0]!);
    const sent = await wire.of(() =>
      database.transactions.run(async (manager) => {
        const found = await manager.findOneByOrFail(Page, { id: page['id'] });
        await manager.save(Object.assign(found, { name: 'first' }));
        await manager.save(Object.assign(found, { name: 'second' }));
      }),
    );

    expect(sent).toHaveLength(3);
    expect(await database.stored(page)).toMatchObject({ name: 'second', version: 3 });
  });

  it('send nothing where nothing has changed', async () => {
    const page = await sow(database, KINDS[0]!);
    const sent = await wire.of(() =>
      database.transactions.run(async (manager) =>
        manager.save(await manager.findOneByOrFail(Page, { id: page['id'] })),
      ),
    );

    expect(sent).toHaveLength(1);
    expect(await database.stored(page)).toMatchObject({ version: 1 });
  });

  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    [
      'relations that are loaded',
      async (manager) => {
        const [order] = await manager.find(Order, { relations: { lines: true } });
        await manager.save(rename(order!));
      },
    ],
    [
      'a relation that is set',
      async (manager) => {
        const [line] = await manager.find(Line);
        line!.order = await manager.findOneByOrFail(Order, { id: 1 });
        await manager.save(Object.assign(line!, { name: 'changed' }));
      },
    ],
    [
      'a method that runs after loading',
      async (manager) => {
        const watched = await manager.findOneByOrFail(Watched, { id: 1 });
        await manager.save(Object.assign(watched, { name: 'changed' }));
      },
    ],
    [
      'only some columns',
      async (manager) => {
        const [page] = await manager.find(Page, { select: { id: true, name: true } });
        await manager.save(Object.assign(page!, { name: 'changed' }));
      },
    ],
  ])('are TypeORM’s own statements for %s', async (_name, work) => {
    const prepare = async (): Promise<void> => {
      await orderWithLines();
      await database.empty(Page, Watched);
      await database.seed(Page, { name: 'page' });
      await database.seed(Watched, { name: 'watched' });
    };
    const { ours, usual } = await compare(prepare, (dataSource) =>
      dataSource === database.plain
        ? dataSource.transaction((manager) => work(manager))
        : database.transactions.run((manager) => work(manager)),
    );

    expect(ours).toHaveLength(usual.length);
  });
});
