import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { type Answer, PLATFORMS, RunningShop, times } from './running-shop.js';

const UNKNOWN = '7f7c3a0e-6f0e-4d0b-9a0c-2f5a3a1c9d11';

describe.each(PLATFORMS)('orders on %s', (platform) => {
  let shop: RunningShop;
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
  });
  afterAll(() => shop.close());

  describe('placing', () => {
    it('answers 201 with a Location and the order, and takes the stock', async () => {
      const [pen, ink] = [
        await shop.newProduct({ priceCents: 2890 }),
        await shop.newProduct({ priceCents: 1190 }),
      ];
      const { status, headers, body } = await shop.order([pen, 1], [ink, 3]);
      expect(status).toBe(201);
      expect(headers.get('location')).toBe(`/orders/${body.id}`);
      expect(headers.get('content-location')).toBe(`/orders/${body.id}`);
      expect(headers.get('etag')).toBe('"1"');
      expect(body).toMatchObject({
        customer: 'Lighthouse Café',
        status: 'placed',
        totalCents: 6460,
        version: 1,
      });
      expect([await shop.stockOf(pen), await shop.stockOf(ink)]).toEqual([9, 7]);
    });

    it('returns what can be read afterwards', async () => {
      const { headers, body } = await shop.order([await shop.newProduct(), 2], [await shop.newProduct(), 1]);
      const read = await shop.get(headers.get('location')!);
      expect(read.status).toBe(200);
      expect(read.body).toEqual(body);
      expect(read.body.lines).toHaveLength(2);
    });

    it('raises the version of what it takes from', async () => {
      const product = await shop.newProduct();
      await shop.order([product, 1]);
      expect((await shop.get(`/products/${product.id}`)).body).toMatchObject({ stock: 9, version: 2 });
    });

    it('merges the lines of one product, whatever the case of its id', async () => {
      const product = await shop.newProduct();
      const { body } = await shop.order([product, 2], [{ id: product.id.toUpperCase() }, 3]);
      expect(body.lines).toHaveLength(1);
      expect(body.lines[0]).toMatchObject({ productId: product.id, quantity: 5 });
      expect(await shop.stockOf(product)).toBe(5);
    });

    it('keeps the price and the name of the day', async () => {
      const product = await shop.newProduct({ priceCents: 100, name: 'Pen' });
      const { body } = await shop.order([product, 1]);
      await shop.change(product, { priceCents: 900, name: 'Quill' });
      const read = await shop.get(`/orders/${body.id}`);
      expect(read.body).toMatchObject({
        totalCents: 100,
        lines: [{ unitPriceCents: 100, productName: 'Pen' }],
      });
    });

    it('adds up totals beyond 32 bits', async () => {
      const product = await shop.newProduct({ priceCents: 100_000_000, stock: 1_000 });
      const { body } = await shop.order([product, 1_000]);
      expect(body.totalCents).toBe(100_000_000_000);
      expect((await shop.get(`/orders/${body.id}`)).body.totalCents).toBe(100_000_000_000);
    });

    it('writes an audit entry with the id of the request', async () => {
      const product = await shop.newProduct();
      const order = { customer: 'Lighthouse Café', lines: [{ productId: product.id, quantity: 1 }] };
      const headers = { 'x-request-id': 'counter-7', 'idempotency-key': randomUUID() };
      const { body } = await shop.post('/orders', order, headers);
      expect(await shop.auditOf(body.id)).toEqual([
        { action: 'order.placed', entity: 'Order', request_id: 'counter-7' },
      ]);
    });
  });

  describe('refusing', () => {
    let plenty: Product;
    let scarce: Product;
    beforeAll(async () => {
      plenty = await shop.newProduct({ stock: 1_000 });
      scarce = await shop.newProduct({ name: 'Rare stamp', stock: 2 });
    });

    async function expectNothingStored(work: () => Promise<void>): Promise<void> {
      const before = await shop.stored();
      await work();
      expect(await shop.stored()).toEqual(before);
    }

    it('names the product and what is left when the stock does not suffice', () =>
      expectNothingStored(async () => {
        const { status, body } = await shop.order([plenty, 1], [scarce, 3]);
        expect(status).toBe(409);
        expect(body).toEqual({
          type: 'about:blank',
          title: 'Conflict',
          status: 409,
          detail: 'Out of stock: 3 of "Rare stamp" ordered, 2 left.',
          instance: '/orders',
          productId: scarce.id,
          left: 2,
        });
      }));

    it('counts merged lines together', () =>
      expectNothingStored(async () => {
        expect((await shop.order([scarce, 1], [scarce, 2])).status).toBe(409);
      }));

    it('answers 404 to an unknown product', () =>
      expectNothingStored(async () => {
        const { status, body } = await shop.order([plenty, 1], [{ id: UNKNOWN }, 1]);
        expect(status).toBe(404);
        expect(body.detail).toContain(UNKNOWN);
      }));

    it('stores nothing when the audit entry cannot be written', async () => {
      await shop.database.query(`ALTER TABLE audit_entries ADD CONSTRAINT full_up CHECK (false) NOT VALID`);
      try {
        await expectNothingStored(async () => {
          expect((await shop.order([plenty, 1])).status).toBe(500);
        });
      } finally {
        await shop.database.query('ALTER TABLE audit_entries DROP CONSTRAINT full_up');
      }
      expect((await shop.order([plenty, 1])).status).toBe(201);
    });

    const line = () => ({ productId: plenty.id, quantity: 1 });
    const invalid: [string, () => unknown][] = [
      ['no customer', () => ({ lines: [line()] })],
      ['a blank customer', () => ({ customer: ' ', lines: [line()] })],
      ['a customer who is a number', () => ({ customer: 5, lines: [line()] })],
      ['a customer with a NUL', () => ({ customer: 'a\0', lines: [line()] })],
      ['no lines', () => ({ customer: 'C' })],
      ['an empty list of lines', () => ({ customer: 'C', lines: [] })],
      ['lines that are no list', () => ({ customer: 'C', lines: line() })],
      ['101 lines', () => ({ customer: 'C', lines: Array.from({ length: 101 }, line) })],
      ['a line that is null', () => ({ customer: 'C', lines: [line(), null] })],
      ['a line that is a list', () => ({ customer: 'C', lines: [line(), []] })],
      ['a line that is text', () => ({ customer: 'C', lines: ['x'] })],
      ['a quantity of 0', () => ({ customer: 'C', lines: [{ ...line(), quantity: 0 }] })],
      ['a negative quantity', () => ({ customer: 'C', lines: [{ ...line(), quantity: -1 }] })],
      ['half a piece', () => ({ customer: 'C', lines: [{ ...line(), quantity: 0.5 }] })],
      ['a quantity as text', () => ({ customer: 'C', lines: [{ ...line(), quantity: '1' }] })],
      ['a quantity beyond the bound', () => ({ customer: 'C', lines: [{ ...line(), quantity: 1_001 }] })],
      ['a product id that is no UUID', () => ({ customer: 'C', lines: [{ productId: '42', quantity: 1 }] })],
      ['a price of its own', () => ({ customer: 'C', lines: [{ ...line(), unitPriceCents: 1 }] })],
      ['a status of its own', () => ({ customer: 'C', lines: [line()], status: 'cancelled' })],
      ['a version of its own', () => ({ customer: 'C', lines: [line()], version: 1 })],
      ['a list for a body', () => []],
      ['broken JSON', () => '{"customer":'],
    ];
    it.each(invalid)('answers 400 to %s', (_what, body) =>
      expectNothingStored(async () => {
        const answer = await shop.placeOrder(body());
        expect(answer.headers.get('content-type')).toBe('application/problem+json');
        expect(answer.body).toMatchObject({ status: 400, detail: expect.any(String) });
      }),
    );
  });

  describe('placing again', () => {
    const basket = (product: { id: string }, quantity = 1) => ({
      customer: 'Lighthouse Café',
      lines: [{ productId: product.id, quantity }],
    });

    it('with the same key orders nothing more, and answers the same', async () => {
      const [product, key] = [await shop.newProduct(), randomUUID()];
      const first = await shop.placeOrder(basket(product, 3), key);
      const before = await shop.stored();
      const second = await shop.placeOrder(basket(product, 3), key);
      expect([second.status, second.text]).toEqual([201, first.text]);
      for (const name of ['location', 'content-location', 'etag', 'last-modified'])
        expect(second.headers.get(name)).toBe(first.headers.get(name));
      expect(second.headers.get('idempotency-replayed')).toBe('true');
      expect(first.headers.get('idempotency-replayed')).toBeNull();
      expect(await shop.stored()).toEqual(before);
    });

    it('by a double click makes one order', async () => {
      const [product, key] = [await shop.newProduct(), randomUUID()];
      const answers = await times(10, () => shop.placeOrder(basket(product, 2), key));
      const placed = answers.filter(({ status }) => status === 201);
      expect(placed.length).toBeGreaterThan(0);
      expect(new Set(placed.map(({ text }) => text)).size).toBe(1);
      for (const { status, body } of answers.filter((answer) => !placed.includes(answer)))
        expect([status, body.type]).toEqual([409, '/errors/idempotency-key-in-use']);
      expect(await shop.stockOf(product)).toBe(8);
      expect((await shop.placeOrder(basket(product, 2), key)).text).toBe(placed[0]!.text);
    });

    it('with the same key and something else on it is refused', async () => {
      const [product, key] = [await shop.newProduct(), randomUUID()];
      await shop.placeOrder(basket(product, 1), key);
      const before = await shop.stored();
      const { status, body } = await shop.placeOrder(basket(product, 2), key);
      expect([status, body.type]).toEqual([422, '/errors/idempotency-key-reused']);
      expect(await shop.stored()).toEqual(before);
    });

    it('after a refusal tries again under the same key', async () => {
      const [product, key] = [await shop.newProduct({ stock: 1 }), randomUUID()];
      expect((await shop.placeOrder(basket(product, 2), key)).status).toBe(409);
      await shop.change(product, { stock: 2 });
      expect((await shop.placeOrder(basket(product, 2), key)).status).toBe(201);
    });

    it('needs a key in any case', async () => {
      const product = await shop.newProduct();
      const before = await shop.stored();
      const { status, body } = await shop.post('/orders', basket(product));
      expect([status, body.type]).toEqual([400, '/errors/idempotency-key-required']);
      expect(await shop.stored()).toEqual(before);
    });
  });

  describe('reading', () => {
    it('answers 404 to an unknown id and 400 to one that is no UUID', async () => {
      expect((await shop.get(`/orders/${UNKNOWN}`)).status).toBe(404);
      expect((await shop.get('/orders/42')).status).toBe(400);
    });

    it('is answered 304 until the order or a line of it is changed', async () => {
      const product = await shop.newProduct();
      const { body: order, headers } = await shop.order([product, 1]);
      const known = { 'if-none-match': headers.get('etag')! };
      await shop.change(product, { name: 'Renamed', stock: 5 });
      const { status, text } = await shop.get(`/orders/${order.id}`, known);
      expect([status, text]).toEqual([304, '']);
      await shop.setLine(order, product, 2);
      const changed = await shop.get(`/orders/${order.id}`, known);
      expect([changed.status, changed.headers.get('etag')]).toEqual([200, '"2"']);
    });
  });

  describe('cancelling', () => {
    it('puts the stock back and says so in its audit', async () => {
      const [one, other] = [await shop.newProduct(), await shop.newProduct()];
      const { body: order } = await shop.order([one, 4], [other, 10]);
      const { status, headers, body } = await shop.cancel(order, 1);
      expect([status, headers.get('etag')]).toEqual([200, '"2"']);
      expect(headers.get('content-location')).toBe(`/orders/${order.id}`);
      expect(body).toMatchObject({ id: order.id, status: 'cancelled', version: 2 });
      expect(body).toEqual((await shop.get(`/orders/${order.id}`)).body);
      expect([await shop.stockOf(one), await shop.stockOf(other)]).toEqual([10, 10]);
      expect((await shop.auditOf(order.id)).map(({ action }) => action)).toEqual([
        'order.placed',
        'order.cancelled',
      ]);
    });

    async function expectRefusal(work: () => Promise<Answer>, expected: object): Promise<void> {
      const before = await shop.stored();
      expect((await work()).body).toMatchObject(expected);
      expect(await shop.stored()).toEqual(before);
    }

    it('is refused the second time', async () => {
      const { body: order } = await shop.order([await shop.newProduct(), 1]);
      await shop.cancel(order);
      const detail = expect.stringContaining('cancelled already');
      await expectRefusal(() => shop.cancel(order, 2), { status: 409, detail });
      await expectRefusal(() => shop.cancel(order, 1), { status: 412, currentVersion: 2 });
    });

    it('is refused when a line has been changed since', async () => {
      const product = await shop.newProduct();
      const { body: order } = await shop.order([product, 1]);
      await shop.setLine(order, product, 2);
      await expectRefusal(() => shop.cancel(order, 1), { type: '/errors/precondition-failed', status: 412 });
    });

    it('is refused when it does not tell which version it is about', async () => {
      const { body: order } = await shop.order([await shop.newProduct(), 1]);
      await expectRefusal(() => shop.post(`/orders/${order.id}/cancel`), { status: 428 });
    });

    it('answers 404 to an unknown id and 400 to one that is no UUID', async () => {
      expect((await shop.cancel({ id: UNKNOWN })).status).toBe(404);
      expect((await shop.cancel({ id: '42' })).status).toBe(400);
      expect((await shop.post(`/orders/${UNKNOWN}/cancel`)).status).toBe(404);
    });
  });
});
