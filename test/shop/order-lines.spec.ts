import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Order } from '../../apps/shop/src/orders/order.entity.js';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { type Answer, ifMatch, lineOf, PLATFORMS, RunningShop } from './running-shop.js';

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

  async function expectStored({ status, headers, body }: Answer, version: number): Promise<void> {
    expect([Math.floor(status / 100), body.version]).toEqual([2, version]);
    expect(headers.get('etag')).toBe(`"${version}"`);
    expect(headers.get('content-location')).toBe(`/orders/${order.id}`);
    const read = await shop.get(`/orders/${order.id}`);
    expect(read.body).toEqual(body);
    expect(read.headers.get('etag')).toBe(`"${version}"`);
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
    await shop.change(nib, { priceCents: 150 });
    const answer = await shop.addLine(order, { id: nib.id.toUpperCase() }, 3);
    expect(answer.status).toBe(201);
    await expectStored(answer, 2);
    const line = await shop.get(answer.headers.get('location')!);
    expect([line.body, line.headers.get('etag')]).toEqual([answer.body.lines.at(-1), '"2"']);
    expect(answer.body.lines.at(-1)).toMatchObject({ productId: nib.id, quantity: 3, unitPriceCents: 150 });
    expect(answer.body.totalCents).toBe(order.totalCents + 450);
    expect(await shop.stockOf(nib)).toBe(7);
  });

  it('keep their price when the product gets dearer', async () => {
    await shop.change(pen, { priceCents: 9900 });
    expect((await shop.setLine(order, pen, 2)).body.totalCents).toBe(2 * 2890 + 2 * 1190);
  });

  it('raise the version even if the total stays the same', async () => {
    const gift = await shop.newProduct({ priceCents: 0 });
    const added = await shop.addLine(order, gift, 1);
    await expectStored(added, 2);
    await expectStored(await shop.setLine(added.body, gift, 2), 3);
    await expectStored(await shop.removeLine(added.body, gift), 4);
  });

  it('leave the version as it is when nothing changes', async () => {
    const { status, headers, body } = await shop.setLine(order, pen, 1);
    expect([status, headers.get('etag'), body.version]).toEqual([200, '"1"', 1]);
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
    const { status, body } = await shop.cancel(order, 3);
    expect([status, body.version]).toEqual([200, 4]);
    expect((await shop.get(`/orders/${order.id}`)).body).toEqual(body);
    expect([await shop.stockOf(pen), await shop.stockOf(ink)]).toEqual([10, 10]);
  });

  describe('under the entity tag of their order', () => {
    it('change while it is the newest', async () => {
      expect((await shop.setLine(order, pen, 2, 1)).body.version).toBe(2);
      const third = await shop.addLine(order, await shop.newProduct(), 1, 2);
      expect(third.body.version).toBe(3);
      expect((await shop.removeLine(order, pen, 3)).body.version).toBe(4);
    });

    it('are read, and read again when another line has changed', async () => {
      const first = await shop.get(lineOf(order, pen));
      const line = order.lines.find(({ productId }) => productId === pen.id);
      expect([first.body, first.headers.get('etag')]).toEqual([line, '"1"']);
      expect((await shop.get(lineOf(order, pen), { 'if-none-match': '"1"' })).status).toBe(304);
      await shop.setLine(order, ink, 5);
      const again = await shop.get(lineOf(order, pen), { 'if-none-match': '"1"' });
      expect([again.status, again.body, again.headers.get('etag')]).toEqual([200, first.body, '"2"']);
    });

    it.each<[string, () => Promise<Answer>]>([
      ['changed', () => shop.setLine(order, pen, 3, 1)],
      ['set to what they are', () => shop.setLine(order, pen, 1, 1)],
      ['added', async () => shop.addLine(order, await shop.newProduct(), 3, 1)],
      ['removed', () => shop.removeLine(order, pen, 1)],
    ])('are not %s when another line has been changed since', async (_how, change) => {
      const { body: theirs } = await shop.setLine(order, ink, 5);
      const stock = await shop.stockOf(pen);
      const { status, body } = await change();
      expect(status).toBe(412);
      expect(body).toMatchObject({ type: '/errors/precondition-failed', currentVersion: 2 });
      expect((await shop.get(`/orders/${order.id}`)).body).toEqual(theirs);
      expect(await shop.stockOf(pen)).toBe(stock);
    });

    it.each<[string, string, () => [string, unknown?]]>([
      ['changed', 'PATCH', () => [lineOf(order, pen), { quantity: 3 }]],
      ['added', 'POST', () => [`/orders/${order.id}/lines`, { productId: pen.id, quantity: 3 }]],
      ['removed', 'DELETE', () => [lineOf(order, pen)]],
    ])('are not %s without it', async (_how, method, request) => {
      const before = await shop.stored();
      const { status, body } = await shop.send(method, ...request());
      expect([status, body.type]).toEqual([428, '/errors/precondition-required']);
      expect(await shop.stored()).toEqual(before);
    });
  });

  describe('are refused', () => {
    async function expectRefusal(work: () => Promise<Answer>, status: number, detail: string): Promise<void> {
      const before = await shop.stored();
      const answer = await work();
      expect([answer.status, answer.body.detail]).toEqual([status, expect.stringContaining(detail)]);
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
      await expectRefusal(() => shop.addLine(placed.body, pen, 1), 409, '100 lines at most');
    });

    it('when the order has one of this product already', () =>
      expectRefusal(() => shop.addLine(order, pen, 1), 409, 'has a line of this product already'));

    it('when the order is cancelled', async () => {
      await shop.cancel(order);
      await expectRefusal(() => shop.addLine(order, pen, 2), 409, 'cancelled already');
      await expectRefusal(() => shop.setLine(order, pen, 2), 409, 'cancelled already');
      await expectRefusal(() => shop.removeLine(order, pen), 409, 'cancelled already');
    });

    it('when there is no such order, product or line', async () => {
      const { body: another } = await shop.order([pen, 1]);
      const at = (id: string, lineId: string) => ({ id, lines: [{ id: lineId, productId: pen.id }] });
      const line = order.lines[0]!.id;
      await expectRefusal(() => shop.addLine({ id: UNKNOWN }, pen, 2), 404, 'There is no such Order.');
      await expectRefusal(() => shop.setLine(at(UNKNOWN, line), pen, 2), 404, 'There is no such Order.');
      await expectRefusal(() => shop.removeLine(at(UNKNOWN, line), pen), 404, 'There is no such Order.');
      await expectRefusal(() => shop.addLine(order, { id: UNKNOWN }, 2), 404, 'There is no product');
      for (const [orderId, lineId] of [
        [order.id, UNKNOWN],
        [another.id, line],
      ] as const) {
        expect((await shop.get(`/orders/${orderId}/lines/${lineId}`)).status).toBe(404);
        await expectRefusal(() => shop.setLine(at(orderId, lineId), pen, 2), 404, '');
        await expectRefusal(() => shop.removeLine(at(orderId, lineId), pen), 404, '');
      }
    });

    const lines = () => `/orders/${order.id}/lines`;
    const change = (body: unknown) => shop.send('PATCH', lineOf(order, pen), body, ifMatch(1));
    it.each<[string, () => Promise<Answer>]>([
      ['a quantity of 0', () => shop.setLine(order, pen, 0)],
      ['a quantity beyond the bound', () => shop.setLine(order, pen, 1_001)],
      ['no quantity', () => change({})],
      ['a price of its own', () => change({ quantity: 1, unitPriceCents: 1 })],
      ['another product', () => change({ quantity: 1, productId: ink.id })],
      ['a version in the body', () => change({ quantity: 1, version: 1 })],
      ['a new line with no product', () => shop.post(lines(), { quantity: 1 }, ifMatch(1))],
      ['a new line with a product id that is no UUID', () => shop.addLine(order, { id: '42' }, 1)],
      ['a new line of 0 pieces', () => shop.addLine(order, ink, 0)],
      [
        'an entity tag that is none',
        () => shop.send('DELETE', lineOf(order, pen), undefined, { 'if-match': 'x' }),
      ],
      ['an order id that is no UUID', () => shop.setLine({ id: '42', lines: order.lines }, pen, 2)],
      ['a line id that is no UUID', () => shop.send('DELETE', `${lines()}/42`, undefined, ifMatch(1))],
    ])('with 400 for %s', async (_what, send) => {
      const before = await shop.stored();
      expect((await send()).status).toBe(400);
      expect(await shop.stored()).toEqual(before);
    });

    it('with 412 rather than 400 when both the entity tag and the body are wrong', async () => {
      await shop.setLine(order, ink, 5);
      expect((await change({ quantity: 0 })).status).toBe(412);
    });
  });
});
