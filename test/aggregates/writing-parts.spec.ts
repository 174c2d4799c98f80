import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { expectVersion, forceIncrement, updateVersioned } from '@nest-transactional/core';
import { failureOf } from '../transactions/enlisted-database.js';
import { Baskets } from './baskets.js';
import { Basket, Item, Label, Remark, Warehouse } from './entities.js';

let baskets: Baskets;

beforeAll(async () => {
  baskets = await Baskets.open();
});
beforeEach(() => baskets.fill());
afterAll(() => baskets.close());

const items = () => baskets.dataSource.getRepository(Item);

/** What is done to parts, and which roots' versions it raises. */
const writes: [what: string, write: () => Promise<unknown>, raised: Record<string, number>][] = [
  ['a new part', async () => await items().save({ name: 'new', basket: { id: 1 } }), { a: 2 }],
  ['a new part with a bare key', async () => await items().save({ name: 'new', basketId: 1 }), { a: 2 }],
  [
    'a changed part',
    async () => await items().save(Object.assign(await baskets.item('a1'), { quantity: 5 })),
    { a: 2 },
  ],
  [
    'two changed parts',
    async () => {
      const [one, other] = [await baskets.item('a1'), await baskets.item('a2')];
      await items().save([Object.assign(one, { quantity: 5 }), Object.assign(other, { quantity: 5 })]);
    },
    { a: 2 },
  ],
  [
    'parts of two roots',
    async () => {
      const [one, other] = [await baskets.item('b1'), await baskets.item('a2')];
      await items().save([Object.assign(one, { quantity: 5 }), Object.assign(other, { quantity: 5 })]);
    },
    { a: 2, b: 2 },
  ],
  [
    'a part moved by its relation',
    async () => {
      const item = await items().findOneOrFail({ where: { name: 'a1' }, relations: { basket: true } });
      await items().save(Object.assign(item, { basket: await baskets.basket('b') }));
    },
    { a: 2, b: 2 },
  ],
  [
    'a part moved by its foreign key',
    async () => {
      await items().save(Object.assign(await baskets.item('a1'), { basketId: 2 }));
    },
    { a: 2, b: 2 },
  ],
  [
    'a part taken out of its root',
    async () => {
      await items().save(Object.assign(await baskets.item('a1'), { basketId: null }));
    },
    { a: 2 },
  ],
  ['a removed part', async () => await items().remove(await baskets.item('a1')), { a: 2 }],
  [
    'removed parts of two roots',
    async () => await items().remove([await baskets.item('a1'), await baskets.item('b1')]),
    { a: 2, b: 2 },
  ],
  ['a soft-removed part', async () => await items().softRemove(await baskets.item('a1')), { a: 2 }],
  [
    'a part changed by cascade',
    async () => {
      const basket = await baskets.basket('a', ['items']);
      basket.items![0]!.quantity = 9;
      await baskets.dataSource.manager.save(basket);
      expect(basket.version).toBe(2);
    },
    { a: 2 },
  ],
  [
    'a part added by cascade',
    async () => {
      const basket = await baskets.basket('a', ['items']);
      basket.items!.push(items().create({ name: 'new' }));
      await baskets.dataSource.manager.save(basket);
      expect(basket.version).toBe(2);
    },
    { a: 2 },
  ],
  [
    'root and part changed together',
    async () => {
      const basket = await baskets.basket('a', ['items']);
      basket.items![0]!.quantity = 9;
      basket.name = 'a';
      basket.warehouse = await baskets.dataSource.manager.findOneByOrFail(Warehouse, { id: 1 });
      await baskets.dataSource.manager.save(basket);
      expect(basket.version).toBe(2);
    },
    { a: 2, north: 2 },
  ],
  [
    'an orphaned part',
    async () => {
      const basket = await baskets.basket('a', ['items']);
      basket.items = basket.items!.slice(1);
      await baskets.dataSource.manager.save(basket);
    },
    { a: 2 },
  ],
  [
    'insert()',
    async () =>
      await items().insert([
        { name: 'x', basketId: 1 },
        { name: 'y', basketId: 2 },
      ]),
    { a: 2, b: 2 },
  ],
  ['update() by key', async () => await items().update(1, { quantity: 7 }), { a: 2 }],
  ['update() of many', async () => await items().update({ quantity: 1 }, { quantity: 7 }), { a: 2, b: 2 }],
  [
    'update() that moves',
    async () => await items().update({ name: 'a1' }, { basket: { id: 2 } }),
    { a: 2, b: 2 },
  ],
  ['increment()', async () => await items().increment({ id: 1 }, 'quantity', 1), { a: 2 }],
  ['delete()', async () => await items().delete(3), { b: 2 }],
  [
    'softDelete() and restore()',
    async () => {
      await baskets.transactions.run(async () => {
        await items().softDelete(1);
        await items().restore(1);
      });
    },
    { a: 2 },
  ],
  [
    'upsert()',
    async () => await items().upsert({ name: 'a1', quantity: 3, basketId: 1 }, ['name']),
    { a: 2 },
  ],
  [
    'an UPDATE by a builder',
    async () =>
      await items()
        .createQueryBuilder()
        .update()
        .set({ quantity: 4 })
        .where('name = :name', { name: 'b2' })
        .execute(),
    { b: 2 },
  ],
  [
    'a DELETE by a builder',
    async () => await items().createQueryBuilder().delete().where('name = :name', { name: 'b2' }).execute(),
    { b: 2 },
  ],
  [
    'a relation set by a builder',
    async () => await baskets.dataSource.createQueryBuilder().relation(Basket, 'items').of(2).add(1),
    { a: 2, b: 2 },
  ],
  [
    'rows of a many-to-many relation',
    async () => {
      const basket = await baskets.basket('a', ['labels']);
      basket.labels = await baskets.dataSource.getRepository(Label).find();
      await baskets.dataSource.manager.save(basket);
      expect(basket.version).toBe(2);
    },
    { a: 2 },
  ],
  [
    'a many-to-many relation by a builder',
    async () => await baskets.dataSource.createQueryBuilder().relation(Basket, 'labels').of(2).add([1, 2]),
    { b: 2 },
  ],
  ['nothing changed', async () => await items().save(await baskets.item('a1')), {}],
  [
    'a root removed with its parts',
    async () => {
      const basket = await baskets.basket('a', ['items']);
      await baskets.transactions.run(async (em) => {
        await em.remove(basket.items!);
        await em.remove(basket);
      });
    },
    { a: undefined as unknown as number },
  ],
];

const before = { a: 1, b: 1, north: 1 };

describe.each([
  ['outside of a transaction', (write: () => Promise<unknown>) => write()],
  ['in a transaction', (write: () => Promise<unknown>) => baskets.transactions.run(write)],
])('%s', (_, around) => {
  it.each(writes)('raises the version of the roots concerned: %s', async (_what, write, raised) => {
    await around(write);

    expect(await baskets.versions()).toEqual({ ...before, ...raised });
  });
});

describe('a transaction that writes parts', () => {
  it('raises a version once, however much it writes', async () => {
    await baskets.transactions.run(async () => {
      await items().update(1, { quantity: 2 });
      await items().update(2, { quantity: 2 });
      const basket = await baskets.basket('a', ['items']);
      basket.items![0]!.quantity = 3;
      await baskets.dataSource.manager.save(basket);
      basket.items![0]!.quantity = 4;
      await baskets.dataSource.manager.save(basket);
      expect(basket.version).toBe(2);
    });

    expect(await baskets.versions()).toEqual({ ...before, a: 2 });
  });

  it('counts a statement that writes the root itself, whichever comes first', async () => {
    const roots = baskets.dataSource.getRepository(Basket);
    await baskets.transactions.run(async () => {
      await items().update(1, { quantity: 2 });
      await roots.update(1, { name: 'a' });
      await roots.update(2, { name: 'b' });
      await items().update(3, { quantity: 2 });
    });
    await baskets.transactions.run(async () => {
      forceIncrement(await baskets.basket('a'));
      await roots.update(1, { name: 'a' });
    });

    expect(await baskets.versions()).toEqual({ ...before, a: 3, b: 2 });
  });

  it('raises nothing when it is rolled back, and restores what the objects showed', async () => {
    const basket = await baskets.basket('a', ['items']);
    basket.items![0]!.quantity = 3;
    await failureOf(
      baskets.transactions.run(async (em) => {
        await em.save(basket);
        expect(basket.version).toBe(2);
        throw new Error('no');
      }),
    );

    expect(basket.version).toBe(1);
    expect(await baskets.versions()).toEqual(before);
  });

  it('raises nothing for a savepoint that was rolled back', async () => {
    await baskets.transactions.run(async () => {
      await items().update(3, { quantity: 2 });
      const nested = baskets.transactions.run({ propagation: 'NESTED' }, async () => {
        await items().update(1, { quantity: 2 });
        throw new Error('no');
      });
      await failureOf(nested);
    });

    expect(await baskets.versions()).toEqual({ ...before, b: 2 });
  });

  it('raises the root of its root, too', async () => {
    await baskets.database.observer.query('UPDATE basket SET "warehouseId" = 1 WHERE name = \'a\'');

    await items().update(1, { quantity: 2 });

    expect(await baskets.versions()).toEqual({ a: 2, b: 1, north: 2 });
  });

  it('raises the version in order: nothing is sent before COMMIT', async () => {
    await baskets.transactions.run(async (em) => {
      await items().update(1, { quantity: 2 });
      expect(await em.query('SELECT version FROM basket WHERE id = 1')).toEqual([{ version: 1 }]);
    });

    expect(await baskets.versions()).toEqual({ ...before, a: 2 });
  });

  it("updates the root's own date of change", async () => {
    const { updatedAt } = await baskets.basket('a');
    await items().update(1, { quantity: 2 });

    expect((await baskets.basket('a')).updatedAt.getTime()).toBeGreaterThan(updatedAt.getTime());
  });
});

describe('an object of a raised root', () => {
  it('is as the row is: saving it again writes nothing', async () => {
    const basket = await baskets.basket('a', ['items']);
    basket.items![0]!.quantity = 3;
    await baskets.dataSource.manager.save(basket);
    await baskets.dataSource.manager.save(basket);

    expect(await baskets.versions()).toEqual({ ...before, a: 2 });
    expect(basket).toMatchObject({ version: 2, updatedAt: (await baskets.basket('a')).updatedAt });
  });
});

describe('a root that is loaded after a part of it was written', () => {
  it.each([
    ['that was known before', () => baskets.basket('a')],
    ['that was not known', () => Promise.resolve()],
  ])('shows the version that it will have: one %s', async (_, before) => {
    const loaded = await baskets.transactions.run(async () => {
      await before();
      await items().update(1, { quantity: 2 });
      return await baskets.basket('a');
    });

    expect(loaded).toMatchObject({ version: 2, updatedAt: (await baskets.basket('a')).updatedAt });
  });
});

describe('the version of a root that the writer knows', () => {
  const theirs = () =>
    baskets.database.observer.query(`UPDATE basket SET version = version + 1 WHERE name = 'a'`);
  const conflict = { code: 'OPTIMISTIC_LOCK', entity: 'Basket', id: 1, expected: 1 };

  it('is checked when the root is saved with its parts', async () => {
    const basket = await baskets.basket('a', ['items']);
    await theirs();
    basket.items![0]!.quantity = 3;

    expect(await failureOf(baskets.dataSource.manager.save(basket))).toMatchObject(conflict);
    expect((await baskets.item('a1')).quantity).toBe(1);
  });

  it('is checked when a part refers to it', async () => {
    const basket = await baskets.basket('a');
    await theirs();

    expect(await failureOf(items().save({ name: 'new', basket }))).toMatchObject(conflict);
    expect(await items().countBy({ name: 'new' })).toBe(0);
  });

  it('is checked when the transaction has loaded it', async () => {
    const work = baskets.transactions.run(async () => {
      await baskets.basket('a');
      await theirs();
      await items().update(1, { quantity: 3 });
    });

    expect(await failureOf(work)).toMatchObject(conflict);
    expect((await baskets.item('a1')).quantity).toBe(1);
  });

  it('is checked when it was loaded along with a part', async () => {
    const work = baskets.transactions.run(async () => {
      await items().findOneOrFail({ where: { name: 'a1' }, relations: { basket: true } });
      await theirs();
      await items().update(1, { quantity: 3 });
    });

    expect(await failureOf(work)).toMatchObject(conflict);
  });

  it('does not matter to what only refers to it', async () => {
    const basket = await baskets.basket('a');
    await theirs();
    await baskets.dataSource.manager.save(Remark, { text: 'stale, so what', basket });

    expect(await baskets.dataSource.manager.countBy(Remark, { basket: { id: 1 } })).toBe(1);
  });

  it('that the object shows can be named before COMMIT', async () => {
    await baskets.transactions.run(async (em) => {
      const basket = await baskets.basket('a', ['items']);
      basket.items![0]!.quantity = 3;
      await em.save(basket);
      expectVersion(Basket, 1, basket.version);
      expect(
        await updateVersioned(
          em.getRepository(Basket),
          1,
          { expectedVersion: basket.version },
          { name: 'a' },
        ),
      ).toBe(2);
    });

    expect(await baskets.versions()).toEqual({ ...before, a: 2 });
  });

  it('is checked also when the transaction has written the root already', async () => {
    const basket = await baskets.basket('a', ['items']);
    await theirs();
    const work = baskets.transactions.run(async (em) => {
      await em.update(Basket, 1, { name: 'a' });
      basket.items![0]!.basket = basket;
      await em.save(Object.assign(basket.items![0]!, { quantity: 7 }));
    });

    expect(await failureOf(work)).toMatchObject(conflict);
  });

  it('is that of before the transaction wrote it, in an object that was loaded before', async () => {
    await baskets.transactions.run(async (em) => {
      const [basket, other] = [await baskets.basket('a'), await baskets.basket('a')];
      await em.save(
        Object.assign(basket, { name: 'a', warehouse: await em.findOneBy(Warehouse, { id: 1 }) }),
      );
      await items().save({ name: 'new', basket: other });
    });

    expect(await baskets.versions()).toMatchObject({ a: 2 });
  });

  it('is not needed to find out that a part was deleted meanwhile', async () => {
    const work = baskets.transactions.run(async (em) => {
      const item = await baskets.item('a1');
      await baskets.database.observer.query('DELETE FROM item WHERE id = 1');
      await em.save(Object.assign(item, { quantity: 9 }));
    });

    expect(await failureOf(work)).toMatchObject({
      code: 'OPTIMISTIC_LOCK',
      entity: 'Item',
      id: 1,
      actual: null,
    });
  });

  it('is not checked when nobody has read it', async () => {
    const item = await baskets.item('a1');
    await theirs();
    await items().save(Object.assign(item, { quantity: 3 }));

    expect(await baskets.versions()).toEqual({ ...before, a: 3 });
  });

  it('shows in the object that the transaction has loaded', async () => {
    const basket = await baskets.transactions.run(async () => {
      const loaded = await baskets.basket('a');
      await items().update(1, { quantity: 3 });
      return loaded;
    });

    expect(basket.version).toBe(2);
    expect(await baskets.versions()).toEqual({ ...before, a: 2 });
  });
});
