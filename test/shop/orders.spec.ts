import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { PLATFORMS, RunningShop } from './running-shop.js';

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
      const { body } = await shop.order([product, 1]);
      expect(body.lines[0].product).toMatchObject({ stock: 9, version: 2 });
    });

    it('merges the lines of one product, whatever the case of its id', async () => {
      const product = await shop.newProduct();
      const { body } = await shop.order([product, 2], [{ id: product.id.toUpperCase() }, 3]);
      expect(body.lines).toHaveLength(1);
      expect(body.lines[0]).toMatchObject({ productId: product.id, quantity: 5 });
      expect(await shop.stockOf(product)).toBe(5);
    });

    it('keeps the price of the day', async () => {
      const product = await shop.newProduct({ priceCents: 100 });
      const { body } = await shop.order([product, 1]);
      await shop.send('PATCH', `/products/${product.id}`, { priceCents: 900 });
      const read = await shop.get(`/orders/${body.id}`);
      expect(read.body).toMatchObject({ totalCents: 100, lines: [{ unitPriceCents: 100 }] });
    });

    it('adds up totals beyond 32 bits', async () => {
      const product = await shop.newProduct({ priceCents: 100_000_000, stock: 1_000 });
      const { body } = await shop.order([product, 1_000]);
      expect(body.totalCents).toBe(100_000_000_000);
      expect((await shop.get(`/orders/${body.id}`)).body.totalCents).toBe(100_000_000_000);
    });

    it('writes an audit entry with the id of the request', async () => {
      const product = await shop.newProduct();
      const response = await fetch(`${shop.url}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-request-id': 'counter-7' },
        body: JSON.stringify({
          customer: 'Lighthouse Café',
          lines: [{ productId: product.id, quantity: 1 }],
        }),
      });
      const { id } = (await response.json()) as { id: string };
      expect(await shop.auditOf(id)).toEqual([
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
          statusCode: 409,
          error: 'Conflict',
          message: 'Out of stock: 3 of "Rare stamp" ordered, 2 left.',
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
        expect(body.message).toContain(UNKNOWN);
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
        const answer = await shop.post('/orders', body());
        expect(answer.status).toBe(400);
        expect(answer.body).toMatchObject({ statusCode: 400, message: expect.anything() });
      }),
    );
  });

  describe('reading', () => {
    it('answers 404 to an unknown id and 400 to one that is no UUID', async () => {
      expect((await shop.get(`/orders/${UNKNOWN}`)).status).toBe(404);
      expect((await shop.get('/orders/42')).status).toBe(400);
    });
  });

  describe('cancelling', () => {
    it('puts the stock back and says so in its audit', async () => {
      const [one, other] = [await shop.newProduct(), await shop.newProduct()];
      const { body: order } = await shop.order([one, 4], [other, 10]);
      const { status, body } = await shop.post(`/orders/${order.id}/cancel`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: order.id, status: 'cancelled', version: 2 });
      expect(body).toEqual((await shop.get(`/orders/${order.id}`)).body);
      expect([await shop.stockOf(one), await shop.stockOf(other)]).toEqual([10, 10]);
      expect((await shop.auditOf(order.id)).map(({ action }) => action)).toEqual([
        'order.placed',
        'order.cancelled',
      ]);
    });

    it('is refused the second time', async () => {
      const { body: order } = await shop.order([await shop.newProduct(), 1]);
      await shop.post(`/orders/${order.id}/cancel`);
      const before = await shop.stored();
      const { status, body } = await shop.post(`/orders/${order.id}/cancel`);
      expect(status).toBe(409);
      expect(body.message).toContain('cancelled already');
      expect(await shop.stored()).toEqual(before);
    });

    it('answers 404 to an unknown id and 400 to one that is no UUID', async () => {
      expect((await shop.post(`/orders/${UNKNOWN}/cancel`)).status).toBe(404);
      expect((await shop.post('/orders/42/cancel')).status).toBe(400);
    });
  });
});
