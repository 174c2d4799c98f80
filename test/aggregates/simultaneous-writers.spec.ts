import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { failureOf } from '../transactions/enlisted-database.js';
import { rounds } from '../support/thoroughness.js';
import { Baskets } from './baskets.js';
import { Item, Label } from './entities.js';

let baskets: Baskets;

beforeAll(async () => {
  baskets = await Baskets.open();
});
beforeEach(() => baskets.fill());
afterAll(() => baskets.close());

const RUNS = rounds({ usual: 30, thorough: 200 });

/** Changes the named items one after the other, in one transaction. */
function write(...names: readonly string[]): Promise<void> {
  return baskets.transactions.run(async (em) => {
    for (const name of names) {
      const item = await em.findOneByOrFail(Item, { name });
      item.quantity += 1;
      await em.save(item);
    }
  });
}

describe('two writers of parts of the same roots', () => {
  it(`do not deadlock, whatever order they write in: ${RUNS} times`, async () => {
    for (let run = 0; run < RUNS; run++) await Promise.all([write('a1', 'b1'), write('b2', 'a2')]);

    expect(await baskets.versions()).toMatchObject({ a: 1 + 2 * RUNS, b: 1 + 2 * RUNS });
    expect((await baskets.item('a1')).quantity).toBe(1 + RUNS);
  });

  it(`do not deadlock when each of them saves both in one call: ${RUNS} times`, async () => {
    const saveAll = async (...names: readonly string[]): Promise<void> => {
      const items = await Promise.all(names.map((name) => baskets.item(name)));
      for (const item of items) item.quantity += 1;
      await baskets.dataSource.manager.save(items);
    };
    for (let run = 0; run < RUNS; run++) await Promise.all([saveAll('a1', 'b1'), saveAll('b2', 'a2')]);

    expect(await baskets.versions()).toMatchObject({ a: 1 + 2 * RUNS, b: 1 + 2 * RUNS });
  });

  it('are told when both have read the root: one of them is refused, and nothing of it is stored', async () => {
    for (let run = 0; run < rounds({ usual: 5, thorough: 40 }); run++) {
      await baskets.fill();
      const outcomes = await Promise.allSettled(
        ['a1', 'a2'].map((name) =>
          baskets.transactions.run(async (em) => {
            const basket = await baskets.basket('a', ['items']);
            basket.items!.find((item) => item.name === name)!.quantity = 9;
            await em.save(basket);
          }),
        ),
      );
      const refused = outcomes.filter(({ status }) => status === 'rejected');
      const changed = [await baskets.item('a1'), await baskets.item('a2')].filter(
        ({ quantity }) => quantity === 9,
      );

      expect(refused.length).toBe(2 - changed.length);
      expect(await baskets.versions()).toMatchObject({ a: 1 + changed.length });
      for (const { reason } of refused as PromiseRejectedResult[])
        expect(reason).toMatchObject({ code: 'OPTIMISTIC_LOCK', entity: 'Basket' });
    }
  });

  it('all succeed with retry', async () => {
    const writers = Array.from({ length: 20 }, (_, index) =>
      baskets.transactions.run({ retry: 20 }, async (em) => {
        const basket = await baskets.basket(index % 2 === 0 ? 'a' : 'b', ['items']);
        basket.items![0]!.quantity += 1;
        await em.save(basket);
      }),
    );
    await Promise.all(writers);

    expect(await baskets.versions()).toMatchObject({ a: 11, b: 11 });
  });
});

describe('the rows of a many-to-many relation', () => {
  it('are refused to a writer whose root is stale', async () => {
    const basket = await baskets.basket('a', ['labels']);
    await write('a1');
    basket.labels = await baskets.dataSource.getRepository(Label).find();

    expect(await failureOf(baskets.dataSource.manager.save(basket))).toMatchObject({
      code: 'OPTIMISTIC_LOCK',
      entity: 'Basket',
      expected: 1,
    });
    expect((await baskets.basket('a', ['labels'])).labels).toEqual([]);
  });
});
