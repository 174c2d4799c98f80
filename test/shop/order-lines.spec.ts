import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Order } from '../../apps/shop/src/orders/order.entity.js';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { type Answer, PLATFORMS, RunningShop } from './running-shop.js';

const UNKNOWN = '7f7c3a0e-6f0e-4d0b-9a0c-2f5a3a1c9d11';

describe.each(PLATFORMS)('lines of an order on %s', (platform) => {
  let shop: RunningShop;
  let pen: Product;
  let ink: Product;
  let order: Order;
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
  });
  beforeEach(async () => {
    [pen, ink] = [await shop.newProduct({ priceCents: 2890 }), await shop.newProduct({ priceCents: 1190 })];
    order = (await shop.order([pen, 1], [ink, 2])).body as Order;
  });
  afterAll(() => shop.close());

  const quantities = ({ lines }: Order) =>
    Object.fromEntries(lines.map(({ productId, quantity }) => [productId, quantity]));

  async function expectStored({ status, body }: Answer, version: number): Promise<void> {
    expect([status, body.version]).toEqual([200, version]);
    const read = await shop.get(`/orders/${order.id}`);
    expect(read.body).toEqual(body);
    expect(Date.parse(body.updatedAt)).toBeGreaterThan(Date.parse(body.createdAt));
  }

  it('change their quantity, and with it the stock, the total and the version of the order', async () => {
    const more = await shop.setLine(order, pen, 4);
    await expectStored(more, 2);
    expect(more.body.totalCents).toBe(4 * 2890 + 2 * 1190);
    expect(await shop.stockOf(pen)).toBe(6);
    const less = await shop.setLine(order, pen, 2);
    await expectStored(less, 3);
    expect(less.body.totalCents).toBe(2 * 2890 + 2 * 1190);
    expect([await shop.stockOf(pen), await shop.stockOf(ink)]).toEqual([8, 8]);
  });

  it('are added at the price of the day, behind the others', async () => {
    const nib = await shop.newProduct({ priceCents: 100 });
    await shop.send('PATCH', `/products/${nib.id}`, { priceCents: 150 });
    const answer = await shop.setLine(order, { id: nib.id.toUpperCase() }, 3);
    await expectStored(answer, 2);
    expect(answer.body.lines.at(-1)).toMatchObject({ productId: nib.id, quantity: 3, unitPriceCents: 150 });
    expect(answer.body.totalCents).toBe(order.totalCents + 450);
    expect(await shop.stockOf(nib)).toBe(7);
  });

  it('keep their price when the product gets dearer', async () => {
    await shop.send('PATCH', `/products/${pen.id}`, { priceCents: 9900 });
    expect((await shop.setLine(order, pen, 2)).body.totalCents).toBe(2 * 2890 + 2 * 1190);
  });

  it('raise the version even if the total stays the same', async () => {
    const gift = await shop.newProduct({ priceCents: 0 });
    await expectStored(await shop.setLine(order, gift, 1), 2);
    await expectStored(await shop.setLine(order, gift, 2), 3);
    await expectStored(await shop.removeLine(order, gift), 4);
  });

  it('leave the version as it is when nothing changes', async () => {
    const { status, body } = await shop.setLine(order, pen, 1);
    expect([status, body.version]).toEqual([200, 1]);
    expect((await shop.get(`/orders/${order.id}`)).body).toEqual(body);
  });

  it('are removed, and their pieces are back in stock', async () => {
    const answer = await shop.removeLine(order, ink);
    await expectStored(answer, 2);
    expect(quantities(answer.body)).toEqual({ [pen.id]: 1 });
    expect(answer.body.totalCents).toBe(2890);
    expect(await shop.stockOf(ink)).toBe(10);
  });

  it('are written to the audit', async () => {
    await shop.setLine(order, pen, 2);
    await shop.removeLine(order, ink);
    expect((await shop.auditOf(order.id)).map(({ action }) => action)).toEqual([
      'order.placed',
      'order.changed',
      'order.changed',
    ]);
  });

  it('are put back as they are now when the order is cancelled', async () => {
    await shop.setLine(order, pen, 5);
    await shop.removeLine(order, ink);
    const { status, body } = await shop.post(`/orders/${order.id}/cancel`);
    expect([status, body.version]).toEqual([200, 4]);
    expect((await shop.get(`/orders/${order.id}`)).body).toEqual(body);
    expect([await shop.stockOf(pen), await shop.stockOf(ink)]).toEqual([10, 10]);
  });

  describe('with the version that the client has seen', () => {
    it('change while it is the newest', async () => {
      expect((await shop.setLine(order, pen, 2, 1)).body.version).toBe(2);
      expect((await shop.removeLine(order, pen, 2)).body.version).toBe(3);
    });

    it.each<[string, () => Promise<Answer>]>([
      ['changed', () => shop.setLine(order, pen, 3, 1)],
      ['set to what they are', () => shop.setLine(order, pen, 1, 1)],
      ['added', async () => shop.setLine(order, await shop.newProduct(), 3, 1)],
      ['removed', () => shop.removeLine(order, pen, 1)],
    ])('are not %s when another line has been changed since', async (_how, change) => {
      const { body: theirs } = await shop.setLine(order, ink, 5);
      const stock = await shop.stockOf(pen);
      const { status, body } = await change();
      expect(status).toBe(409);
      expect(body).toMatchObject({ entity: 'Order', id: order.id, expected: 1, actual: 2 });
      expect(body.current).toMatchObject({ version: 2, totalCents: theirs.totalCents });
      expect((await shop.get(`/orders/${order.id}`)).body).toEqual(theirs);
      expect(await shop.stockOf(pen)).toBe(stock);
    });
  });

  describe('are refused', () => {
    async function expectRefusal(
      work: () => Promise<Answer>,
      status: number,
      message: string,
    ): Promise<void> {
      const before = await shop.stored();
      const answer = await work();
      expect([answer.status, answer.body.message]).toEqual([status, expect.stringContaining(message)]);
      expect(await shop.stored()).toEqual(before);
    }

    it('when the stock does not suffice', () =>
      expectRefusal(() => shop.setLine(order, pen, 11), 409, 'Out of stock: 10 of'));

    it('when the line is the last one', async () => {
      await shop.removeLine(order, ink);
      await expectRefusal(() => shop.removeLine(order, pen), 409, 'The last line stays');
    });

    it('when the order has 100 lines', async () => {
      const pages = await Promise.all([1, 2].map((page) => shop.get(`/products?limit=100&page=${page}`)));
      const inStock = pages
        .flatMap(({ body }) => body.items as Product[])
        .filter(({ stock, id }) => stock > 0 && id !== pen.id);
      const placed = await shop.order(...inStock.slice(0, 100).map((item) => [item, 1] as [Product, number]));
      await expectRefusal(() => shop.setLine(placed.body, pen, 1), 409, '100 lines at most');
    });

    it('when the order is cancelled', async () => {
      await shop.post(`/orders/${order.id}/cancel`);
      await expectRefusal(() => shop.setLine(order, pen, 2), 409, 'cancelled already');
      await expectRefusal(() => shop.removeLine(order, pen), 409, 'cancelled already');
    });

    it('when there is no such order, product or line', async () => {
      await expectRefusal(() => shop.setLine({ id: UNKNOWN }, pen, 2), 404, 'There is no order');
      await expectRefusal(() => shop.removeLine({ id: UNKNOWN }, pen), 404, 'There is no order');
      await expectRefusal(() => shop.setLine(order, { id: UNKNOWN }, 2), 404, 'There is no product');
      await expectRefusal(() => shop.removeLine(order, { id: UNKNOWN }), 404, 'has no line');
    });

    const path = () => `/orders/${order.id}/lines/${pen.id}`;
    it.each<[string, () => Promise<Answer>]>([
      ['a quantity of 0', () => shop.setLine(order, pen, 0)],
      ['a quantity beyond the bound', () => shop.setLine(order, pen, 1_001)],
      ['no quantity', () => shop.send('PUT', path(), {})],
      ['a price of its own', () => shop.send('PUT', path(), { quantity: 1, unitPriceCents: 1 })],
      ['a version as text', () => shop.send('PUT', path(), { quantity: 1, version: '1' })],
      ['version 0', () => shop.setLine(order, pen, 2, 0)],
      ['a version in the address that is none', () => shop.send('DELETE', `${path()}?version=x`)],
      [
        'a version in the address beyond the bound',
        () => shop.send('DELETE', `${path()}?version=9999999999`),
      ],
      ['an order id that is no UUID', () => shop.setLine({ id: '42' }, pen, 2)],
      ['a product id that is no UUID', () => shop.removeLine(order, { id: '42' })],
    ])('with 400 for %s', async (_what, send) => {
      const before = await shop.stored();
      expect((await send()).status).toBe(400);
      expect(await shop.stored()).toEqual(before);
    });
  });
});
