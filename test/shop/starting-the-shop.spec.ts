import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { INestApplication } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { catalogue } from '../../apps/shop/src/catalogue/catalogue.js';
import { createShop } from '../../apps/shop/src/create-shop.js';
import { connectAndMigrate, databaseOptions, migrate } from '../../apps/shop/src/database/database.js';
import { startShop } from '../../apps/shop/src/main.js';
import { OrdersService } from '../../apps/shop/src/orders/orders.service.js';
import { createDatabase } from '../support/database.js';
import { PLATFORMS } from './running-shop.js';

const MIGRATIONS = [
  'CreateShop1760000000000',
  'AddStamps1761000000000',
  'AddIdempotencyKeys1762000000000',
  'AddNamesToLines1763000000000',
];

describe('starting the shop', () => {
  const open: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((opened) => opened.close()));
  });

  async function shopOn(databaseUrl: string): Promise<INestApplication> {
    const app = await createShop({ databaseUrl, logger: false });
    open.push(app);
    return app;
  }

  async function connect(databaseUrl: string): Promise<DataSource> {
    const dataSource = await new DataSource(databaseOptions(databaseUrl) as DataSourceOptions).initialize();
    open.push({ close: () => dataSource.destroy() });
    return dataSource;
  }

  const countOf = async (app: INestApplication, table: string): Promise<number> => {
    const [{ count }] = await app
      .get<DataSource>(getDataSourceToken())
      .query(`SELECT count(*)::int FROM ${table}`);
    return count;
  };

  async function undo(dataSource: DataSource, count: number): Promise<void> {
    for (let left = count; left > 0; left--) await dataSource.undoLastMigration();
  }

  describe('migrations', () => {
    // TypeORM tells the console about a migration that fails, which some of these are meant to do.
    beforeEach(() => void jest.spyOn(console, 'log').mockReturnValue());
    afterEach(() => void jest.restoreAllMocks());

    it('run once', async () => {
      const dataSource = await connect(await createDatabase());
      expect(await migrate(dataSource)).toEqual(MIGRATIONS);
      expect(await migrate(dataSource)).toEqual([]);
    });

    it('run once for five processes that start together', async () => {
      const url = await createDatabase();
      const dataSources = await Promise.all([1, 2, 3, 4, 5].map(() => connect(url)));
      const ran = await Promise.all(dataSources.map(migrate));
      expect(ran.flat()).toEqual(MIGRATIONS);
    });

    it('leave nothing behind when they fail', async () => {
      const dataSource = await connect(await createDatabase());
      await dataSource.query('CREATE TABLE order_lines ()');
      await expect(migrate(dataSource)).rejects.toThrow('already exists');
      const tables = await dataSource.query(
        `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`,
      );
      expect(tables).toEqual([{ table_name: 'order_lines' }]);
    });

    it('make the schema that the entities describe', async () => {
      const app = await shopOn(await createDatabase());
      const dataSource = app.get<DataSource>(getDataSourceToken());
      for (const { tableName, columns } of dataSource.entityMetadatas) {
        const rows: { column_name: string }[] = await dataSource.query(
          'SELECT column_name FROM information_schema.columns WHERE table_name = $1',
          [tableName],
        );
        const names = rows.map(({ column_name }) => column_name);
        expect(names.toSorted()).toEqual(columns.map(({ databaseName }) => databaseName).toSorted());
      }
    });

    it('can be undone', async () => {
      const dataSource = await connect(await createDatabase());
      await migrate(dataSource);
      await undo(dataSource, MIGRATIONS.length);
      expect(await migrate(dataSource)).toEqual(MIGRATIONS);
    });

    it('keep the orders of a shop that is older than all of them but the first', async () => {
      const url = await createDatabase();
      const dataSource = await connect(url);
      await migrate(dataSource);
      await undo(dataSource, MIGRATIONS.length - 1);
      await dataSource.query(`
        INSERT INTO products (id, sku, name, price_cents, stock, version)
          VALUES ('11111111-1111-4111-8111-111111111111', 'OLD', 'Old', 100, 5, 2);
        INSERT INTO orders (id, customer, status, total_cents, version, created_at)
          VALUES ('22222222-2222-4222-8222-222222222222', 'Harbour Office', 'placed', 100, 1, '2025-10-12T09:00:00Z');
        INSERT INTO order_lines (order_id, product_id, quantity, unit_price_cents)
          SELECT orders.id, products.id, 1, 100 FROM orders, products;
      `);
      const app = await shopOn(url);
      const order = await app.get(OrdersService).get('22222222-2222-4222-8222-222222222222');
      const placedAt = new Date('2025-10-12T09:00:00Z');
      expect(order).toMatchObject({
        createdAt: placedAt,
        updatedAt: placedAt,
        lines: [{ createdAt: placedAt, productName: 'Old' }],
      });
      expect(await app.get(OrdersService).cancel(order.id)).toMatchObject({
        status: 'cancelled',
        version: 2,
      });
    });

    it('close their connections when they fail', async () => {
      const url = await createDatabase();
      const dataSource = await connect(url);
      await dataSource.query('CREATE TABLE products ()');
      await expect(connectAndMigrate(databaseOptions(url) as DataSourceOptions)).rejects.toThrow(
        'already exists',
      );
      const others = async (): Promise<number> => {
        const [{ count }] = await dataSource.query(
          'SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        );
        return count;
      };
      // A server process outlives the connection that it served by a moment.
      const end = performance.now() + 5000;
      while ((await others()) > 0 && performance.now() < end);
      expect(await others()).toBe(0);
    });
  });

  describe('catalogue', () => {
    it('has 200 products, each with a SKU of its own', () => {
      const skus = catalogue().map(({ sku }) => sku);
      expect(skus).toHaveLength(200);
      expect(new Set(skus).size).toBe(200);
    });

    it('is seeded once for shops that start together', async () => {
      const url = await createDatabase();
      const [app] = await Promise.all([shopOn(url), shopOn(url), shopOn(url)]);
      expect(await countOf(app, 'products')).toBe(200);
    });

    it('does not come back over what has become of it', async () => {
      const url = await createDatabase();
      const first = await shopOn(url);
      await first
        .get<DataSource>(getDataSourceToken())
        .query(`DELETE FROM products WHERE category <> 'kitchen'`);
      const left = await countOf(first, 'products');
      expect(await countOf(await shopOn(url), 'products')).toBe(left);
    });
  });

  describe.each(PLATFORMS)('startShop on %s', (platform) => {
    it('listens on a port of its own choice and is gone after close', async () => {
      const shop = await startShop({ databaseUrl: await createDatabase(), port: 0, platform, logger: false });
      expect((await fetch(`${shop.url}/health`)).status).toBe(200);
      await shop.close();
      await expect(fetch(`${shop.url}/health`)).rejects.toThrow();
    });

    it('keeps an order over a restart', async () => {
      const databaseUrl = await createDatabase();
      const first = await startShop({ databaseUrl, port: 0, platform, logger: false });
      const list = await fetch(`${first.url}/products?limit=1`);
      const { items } = (await list.json()) as { items: { id: string }[] };
      const placed = await fetch(`${first.url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': '"restart"' },
        body: JSON.stringify({
          customer: 'Harbour Office',
          lines: [{ productId: items[0]?.id, quantity: 1 }],
        }),
      });
      await first.close();
      const second = await startShop({ databaseUrl, port: 0, platform, logger: false });
      open.push(second);
      const order = await fetch(second.url + placed.headers.get('location'));
      expect(await order.json()).toMatchObject({ customer: 'Harbour Office', status: 'placed' });
    });

    it('rejects when the port is taken, and leaves no connection open', async () => {
      const other = createServer().listen(0, '0.0.0.0');
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      const databaseUrl = await createDatabase();
      await expect(startShop({ databaseUrl, port, platform, logger: false })).rejects.toThrow('EADDRINUSE');
      other.close();
      const dataSource = await connect(databaseUrl);
      const [{ count }] = await dataSource.query(
        'SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
      expect(count).toBe(0);
    });
  });
});
