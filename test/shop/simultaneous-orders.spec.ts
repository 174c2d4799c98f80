import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { cases } from '../support/thoroughness.js';
import { countByStatus, RunningShop, times } from './running-shop.js';

// The server is the same; what differs is how it is asked.
describe.each(cases(['express'] as const, ['fastify'] as const))('simultaneous orders on %s', (platform) => {
  let shop: RunningShop;
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
  });
  afterAll(() => shop.close());

  it('sells the last 10 pieces to exactly 10 of 50 customers', async () => {
    const product = await shop.newProduct({ stock: 10 });
    const answers = await times(50, () => shop.order([product, 1]));
    expect(countByStatus(answers)).toEqual({ 201: 10, 409: 40 });
    expect(await shop.stockOf(product)).toBe(0);
    const [{ count }] = await shop.database.query(
      'SELECT count(*)::int FROM order_lines WHERE product_id = $1',
      [product.id],
    );
    expect(count).toBe(10);
  });

  it('does not deadlock when customers name the same products in opposite order', async () => {
    const [one, other] = [await shop.newProduct({ stock: 100 }), await shop.newProduct({ stock: 100 })];
    const answers = await times(40, (index) =>
      index % 2 ? shop.order([one, 1], [other, 1]) : shop.order([other, 1], [one, 1]),
    );
    expect(countByStatus(answers)).toEqual({ 201: 40 });
    expect([await shop.stockOf(one), await shop.stockOf(other)]).toEqual([60, 60]);
  });

  it('sells everything to customers who name some of the same products', async () => {
    const products = await times(5, () => shop.newProduct({ stock: 12 }));
    const answers = await times(20, (index) =>
      shop.order(...[0, 1, 3].map((step) => [products[(index + step) % 5]!, 1] as [Product, number])),
    );
    expect(countByStatus(answers)).toEqual({ 201: 20 });
    expect(await Promise.all(products.map((product) => shop.stockOf(product)))).toEqual([0, 0, 0, 0, 0]);
  });

  it('returns the stock once when 20 cancel the same order at once', async () => {
    const product = await shop.newProduct({ stock: 10 });
    const { body: order } = await shop.order([product, 4]);
    const answers = await times(20, () => shop.cancel(order));
    expect(countByStatus(answers)).toEqual({ 200: 1, 409: 19 });
    expect(await shop.stockOf(product)).toBe(10);
  });

  it('loses no piece while orders and cancellations cross', async () => {
    const [one, other] = [await shop.newProduct({ stock: 50 }), await shop.newProduct({ stock: 50 })];
    const answers = await times(30, async () => {
      const { body: order } = await shop.order([other, 1], [one, 1]);
      return shop.cancel(order);
    });
    expect(countByStatus(answers)).toEqual({ 200: 30 });
    expect([await shop.stockOf(one), await shop.stockOf(other)]).toEqual([50, 50]);
  });

  it('does not write an old stock back when a product is renamed during an order', async () => {
    const product = await shop.newProduct({ stock: 10 });
    const order = await openTransaction(shop.databaseUrl);
    await order.query('UPDATE products SET stock = stock - 3, version = version + 1 WHERE id = $1', [
      product.id,
    ]);
    const renaming = shop.change(product, { name: 'Renamed' });
    await waitUntilBlockedBy(order, shop);
    await order.query('COMMIT');
    await order.end();
    expect((await renaming).body).toMatchObject({ name: 'Renamed', stock: 7, version: 3 });
    expect(await shop.stockOf(product)).toBe(7);
  });

  it('shows nothing of an order to others before it is complete', async () => {
    const [first, second] = [await shop.newProduct(), await shop.newProduct()].sort((a, b) =>
      a.id < b.id ? -1 : 1,
    );
    const holder = await openTransaction(shop.databaseUrl);
    await holder.query('SELECT 1 FROM products WHERE id = $1 FOR UPDATE', [second!.id]);
    const ordering = shop.order([first!, 1], [second!, 1]);
    await waitUntilBlockedBy(holder, shop);
    expect(await shop.stockOf(first!)).toBe(10);
    await holder.query('ROLLBACK');
    await holder.end();
    expect((await ordering).status).toBe(201);
    expect(await shop.stockOf(first!)).toBe(9);
  });
});

async function openTransaction(databaseUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN');
  return client;
}

/** The gate: PostgreSQL itself says that somebody waits for the holder. */
async function waitUntilBlockedBy(holder: pg.Client, shop: RunningShop): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  for (;;) {
    const [{ blocked }] = await shop.database.query(
      'SELECT count(*)::int AS blocked FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
      [rows[0]!.pid],
    );
    if (blocked > 0) return;
  }
}
