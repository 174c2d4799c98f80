import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { enlist, type TransactionTrace } from '@nest-transactional/core';
import { OrderLine } from '../../apps/shop/src/orders/order-line.entity.js';
import type { Order } from '../../apps/shop/src/orders/order.entity.js';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { cases, rounds } from '../support/thoroughness.js';
import { countByStatus, RunningShop, times } from './running-shop.js';

const DEADLOCK = '40P01';
const MIXED_CALLS = rounds({ usual: 40, thorough: 200 });
const LIMIT_MS = 60_000;

// The server is the same; what differs is how it is asked.
describe.each(cases(['express'] as const, ['fastify'] as const))('simultaneous changes on %s', (platform) => {
  let shop: RunningShop;
  const retriedAfter: unknown[] = [];
  const onRetry = (message: unknown) => {
    const { code, driverError } = (message as TransactionTrace).error as {
      code?: string;
      driverError?: { code: string };
    };
    retriedAfter.push(driverError?.code ?? code);
  };
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
    subscribe('nest-transactional.retry', onRetry);
  });
  beforeEach(() => void retriedAfter.splice(0));
  afterAll(async () => {
    unsubscribe('nest-transactional.retry', onRetry);
    await shop.close();
  });

  const orderOf = async (...lines: [product: Product, quantity: number][]) =>
    (await shop.order(...lines)).body as Order;
  const read = async ({ id }: Order) => (await shop.get(`/orders/${id}`)).body as Order;

  describe('of a product', () => {
    it('let one of two editors through who have seen the same version', async () => {
      const product = await shop.newProduct();
      const prices = [100, 200, 300, 400, 500];
      for (const [round, priceCents] of prices.entries()) {
        const save = (name: string) => shop.change(product, { name, priceCents }, round + 1);
        const answers = await Promise.all([save('One'), save('Other')]);
        expect(countByStatus(answers)).toEqual({ 200: 1, 412: 1 });
        const { body: current } = await shop.get(`/products/${product.id}`);
        expect(answers.find(({ status }) => status === 200)!.body).toEqual(current);
        expect(answers.find(({ status }) => status === 412)!.body.currentVersion).toBe(round + 2);
      }
    });

    it('lose nothing of those who do not care what they have seen', async () => {
      const product = await shop.newProduct();
      const changes = [
        { name: 'Renamed' },
        { priceCents: 999 },
        { description: 'New' },
        { category: 'home' },
      ];
      const answers = await Promise.all([
        ...changes.map((change) => shop.change(product, change)),
        shop.order([product, 3]),
      ]);
      expect(countByStatus(answers)).toEqual({ 200: 4, 201: 1 });
      const { body } = await shop.get(`/products/${product.id}`);
      expect(body).toMatchObject({ ...Object.assign({}, ...changes), stock: 7, version: 6 });
    });
  });

  describe('of the lines of one order', () => {
    let one: Product;
    let other: Product;
    let order: Order;
    beforeEach(async () => {
      [one, other] = [await shop.newProduct({ stock: 100 }), await shop.newProduct({ stock: 100 })];
      order = await orderOf([one, 1], [other, 1]);
    });

    it('let one of two through who have seen the same version', async () => {
      const answers = await Promise.all([shop.setLine(order, one, 5, 1), shop.setLine(order, other, 7, 1)]);
      expect(countByStatus(answers)).toEqual({ 200: 1, 412: 1 });
      const { version, lines } = await read(order);
      expect(version).toBe(2);
      const [first, second] = answers.map(({ status }) => status === 200);
      const stocks = [await shop.stockOf(one), await shop.stockOf(other)];
      expect(stocks).toEqual([first ? 95 : 99, second ? 93 : 99]);
      expect(lines.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(first ? 6 : 8);
    });

    it('let one of two through of which one cancels the order', async () => {
      for (let round = 0; round < rounds({ usual: 10, thorough: 100 }); round++) {
        const raced = await orderOf([one, 1], [other, 1]);
        const answers = await Promise.all([shop.setLine(raced, one, 5, 1), shop.cancel(raced, 1)]);
        expect(countByStatus(answers)).toEqual({ 200: 1, 412: 1 });
        const isCancelled = answers[1].status === 200;
        expect(await read(raced)).toMatchObject({ version: 2, status: isCancelled ? 'cancelled' : 'placed' });
        if (!isCancelled) await shop.cancel(raced, 2);
        expect([await shop.stockOf(one), await shop.stockOf(other)]).toEqual([99, 99]);
      }
    });

    it('are all stored, and the total is right, when nobody cares what they have seen', async () => {
      const answers = await times(20, (index) => shop.setLine(order, index % 2 ? one : other, 2 + index));
      expect(countByStatus(answers)).toEqual({ 200: 20 });
      const { version, totalCents, lines } = await read(order);
      expect(version).toBe(21);
      expect(totalCents).toBe(lines.reduce((sum, line) => sum + line.quantity * line.unitPriceCents, 0));
      for (const { productId, quantity } of lines)
        expect(await shop.stockOf({ id: productId })).toBe(100 - quantity);
    });

    it('never leave it without a line', async () => {
      const answers = await Promise.all([shop.removeLine(order, one), shop.removeLine(order, other)]);
      expect(countByStatus(answers)).toEqual({ 200: 1, 409: 1 });
      expect(answers.find(({ status }) => status === 409)!.body.detail).toContain('The last line stays');
      expect((await read(order)).lines).toHaveLength(1);
      expect((await shop.stockOf(one)) + (await shop.stockOf(other))).toBe(199);
    });

    it('make one line of what 20 add at once', async () => {
      const third = await shop.newProduct({ stock: 100 });
      const answers = await times(20, (index) => shop.addLine(order, third, index + 1));
      expect(countByStatus(answers)).toEqual({ 201: 1, 409: 19 });
      const { lines, version } = await read(order);
      expect(version).toBe(2);
      expect(lines).toHaveLength(3);
      expect(await shop.stockOf(third)).toBe(100 - lines.at(-1)!.quantity);
    });

    it('and its cancellation leave the stock as it was', async () => {
      const answers = await times(10, (index) =>
        index === 5 ? shop.cancel(order) : shop.setLine(order, one, 10 + index),
      );
      expect(answers[5]!.status).toBe(200);
      expect([await shop.stockOf(one), await shop.stockOf(other)]).toEqual([100, 100]);
    });
  });

  describe('that get in the way of every try', () => {
    /** What the server does instead of changing the product. */
    async function instead(product: Product, deed: string): Promise<void> {
      await shop.database.query(`
        CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${deed} END $$;
        CREATE TRIGGER interfere BEFORE UPDATE ON products FOR EACH ROW
          WHEN (OLD.id = '${product.id}') EXECUTE FUNCTION interfere();
      `);
    }
    afterEach(() => shop.database.query('DROP FUNCTION interfere CASCADE'));

    it('are answered 409', async () => {
      const product = await shop.newProduct();
      await instead(product, 'RETURN NULL;');
      const before = await shop.stored();
      for (const { status, body } of [
        await shop.order([product, 1]),
        await shop.change(product, { name: 'Mine' }),
      ]) {
        expect(status).toBe(409);
        expect(body).toMatchObject({
          type: '/errors/retries-exhausted',
          title: 'Conflict',
        });
      }
      expect(retriedAfter).toEqual(Array(10).fill('OPTIMISTIC_LOCK'));
      expect(await shop.stored()).toEqual(before);
    });

    it('are answered 503 when they are deadlocks', async () => {
      const product = await shop.newProduct();
      await instead(product, `RAISE EXCEPTION 'deadlock' USING ERRCODE = '${DEADLOCK}';`);
      const { status, headers, body } = await shop.order([product, 1]);
      expect([status, headers.get('retry-after')]).toEqual([503, '1']);
      expect(body).toMatchObject({
        type: '/errors/retries-exhausted',
        detail: expect.stringContaining('repeat'),
      });
    });
  });

  it(
    'do not deadlock when 200 write lines of two orders in opposite order',
    async () => {
      const { items } = (await shop.get('/products?limit=100')).body as { items: Product[] };
      const more = (await shop.get('/products?limit=100&page=2')).body.items as Product[];
      const product = await shop.newProduct();
      const orders = [await orderOf([product, 1]), await orderOf([product, 1])];
      const transactions = enlist(shop.database);
      const lines = shop.database.getRepository(OrderLine);
      await times(200, (index) =>
        transactions.run({ retry: 3 }, async () => {
          const productId = [...items, ...more][index]!.id;
          for (const { id } of index % 2 ? orders : orders.toReversed()) {
            await lines.save(
              lines.create({ orderId: id, productId, productName: 'Any', quantity: 1, unitPriceCents: 0 }),
            );
          }
        }),
      );
      expect(retriedAfter).toEqual([]);
      for (const order of orders) {
        const { version, lines: stored } = await read(order);
        expect([version, stored.length]).toEqual([201, 201]);
      }
    },
    LIMIT_MS,
  );

  it(
    'do not deadlock when orders are placed and changed over the same products',
    async () => {
      const products = await times(4, () => shop.newProduct({ stock: 1_000 }));
      const placed = await times(3, () => orderOf([products[0]!, 1], [products[1]!, 1], [products[2]!, 1]));
      const answers = await times(MIXED_CALLS, (index) => {
        const [product, another] = [products[index % 4]!, products[(index + 1) % 4]!];
        const order = placed[index % 3]!;
        if (index % 4 === 0) return shop.order([product, 1], [another, 1]);
        if (index % 4 === 3) return shop.addLine(order, product, 1);
        return shop.setLine(order, product, 1 + (index % 5));
      });
      // Of those who add the same line to one of the three orders, one does; the others are told that it is there.
      const quarter = MIXED_CALLS / 4;
      expect(countByStatus(answers)).toEqual({ 200: 2 * quarter, 201: quarter + 3, 409: quarter - 3 });
      expect(retriedAfter).not.toContain(DEADLOCK);
      const [{ taken }] = await shop.database.query(
        'SELECT sum(quantity)::int AS taken FROM order_lines WHERE product_id = ANY ($1)',
        [products.map(({ id }) => id)],
      );
      const left = await Promise.all(products.map((product) => shop.stockOf(product)));
      expect(left.reduce((sum, stock) => sum + stock, 0)).toBe(4_000 - taken);
    },
    LIMIT_MS,
  );
});
