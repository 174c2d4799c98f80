import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { createShop } from '../../apps/shop/src/create-shop.js';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { createDatabase } from '../support/database.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  /** The JSON, which each test knows the shape of. */
  body: any;
}

/** A version that a client has seen, or that it does not care which one it is. */
export type Seen = number | '*';

interface OrderWithLines {
  id: string;
  lines: { id: string; productId: string }[];
}

export const ifMatch = (seen: Seen): Record<string, string> => ({
  'if-match': seen === '*' ? seen : `"${seen}"`,
});

export const times = <T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

export function countByStatus(answers: Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** A shop that listens, on a database of its own, and what a customer and an auditor can do with it. */
export class RunningShop {
  private constructor(
    readonly databaseUrl: string,
    readonly database: DataSource,
    readonly url: string,
    readonly close: () => Promise<void>,
  ) {}

  static async on(platform: Platform): Promise<RunningShop> {
    const databaseUrl = await createDatabase();
    const app = await createShop({ databaseUrl, platform, logger: false });
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const database = app.get<DataSource>(getDataSourceToken());
    return new RunningShop(databaseUrl, database, `http://127.0.0.1:${port}`, () => app.close());
  }

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
  }

  get = (path: string, headers?: Record<string, string>) => this.send('GET', path, undefined, headers);
  post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    this.send('POST', path, body, headers);

  /** Each call is a request of its own, with a new key. */
  placeOrder(body: unknown, key: string = randomUUID()): Promise<Answer> {
    return this.post('/orders', body, { 'idempotency-key': `"${key}"` });
  }

  order(...lines: [product: { id: string }, quantity: number][]): Promise<Answer> {
    return this.placeOrder({
      customer: 'Lighthouse Café',
      lines: lines.map(([{ id }, quantity]) => ({ productId: id, quantity })),
    });
  }

  cancel({ id }: { id: string }, seen: Seen = '*'): Promise<Answer> {
    return this.post(`/orders/${id}/cancel`, undefined, ifMatch(seen));
  }

  change({ id }: { id: string }, changes: unknown, seen: Seen = '*'): Promise<Answer> {
    return this.send('PATCH', `/products/${id}`, changes, ifMatch(seen));
  }

  addLine(order: { id: string }, product: { id: string }, quantity: number, seen: Seen = '*') {
    const line = { productId: product.id, quantity };
    return this.post(`/orders/${order.id}/lines`, line, ifMatch(seen));
  }

  setLine(
    order: OrderWithLines,
    product: { id: string },
    quantity: number,
    seen: Seen = '*',
  ): Promise<Answer> {
    return this.send('PATCH', lineOf(order, product), { quantity }, ifMatch(seen));
  }

  removeLine(order: OrderWithLines, product: { id: string }, seen: Seen = '*'): Promise<Answer> {
    return this.send('DELETE', lineOf(order, product), undefined, ifMatch(seen));
  }

  private count = 0;

  async newProduct(details: Partial<Product> = {}): Promise<Product> {
    const sku = `TEST-${++this.count}`;
    const { status, body } = await this.post('/products', {
      sku,
      name: `Product ${sku}`,
      priceCents: 250,
      stock: 10,
      ...details,
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body as Product;
  }

  async stockOf({ id }: { id: string }): Promise<number> {
    return (await this.get(`/products/${id}`)).body.stock as number;
  }

  /** Everything that an order, or a change of a product, leaves in the database. */
  async stored(): Promise<unknown> {
    return this.database.query(`
      SELECT (SELECT count(*) FROM orders) AS orders,
             (SELECT count(*) FROM order_lines) AS lines,
             (SELECT count(*) FROM audit_entries) AS entries,
             (SELECT md5(string_agg(p::text, ',' ORDER BY id)) FROM products p) AS products,
             (SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o) AS order_rows,
             (SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM order_lines l) AS line_rows
    `);
  }

  async auditOf(entityId: string): Promise<{ action: string; entity: string; request_id: string | null }[]> {
    return this.database.query(
      'SELECT action, entity, request_id FROM audit_entries WHERE entity_id = $1 ORDER BY at',
      [entityId],
    );
  }
}

export function lineOf({ id, lines }: OrderWithLines, product: { id: string }): string {
  const line = lines.find(({ productId }) => productId === product.id);
  return `/orders/${id}/lines/${line!.id}`;
}
