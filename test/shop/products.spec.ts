import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { PLATFORMS, RunningShop } from './running-shop.js';

const UNKNOWN = '7f7c3a0e-6f0e-4d0b-9a0c-2f5a3a1c9d11';

describe.each(PLATFORMS)('products on %s', (platform) => {
  let shop: RunningShop;
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
  });
  afterAll(() => shop.close());

  describe('list', () => {
    it('gives the first 20 by name when nothing is asked for', async () => {
      const { status, body } = await shop.get('/products');
      expect(status).toBe(200);
      expect(body).toMatchObject({ page: 1, limit: 20, total: 200 });
      expect(body.items).toHaveLength(20);
    });

    it('shows every product exactly once over all pages', async () => {
      const pages = await Promise.all([1, 2, 3].map((page) => shop.get(`/products?limit=90&page=${page}`)));
      const ids = pages.flatMap(({ body }) => body.items.map(({ id }: { id: string }) => id));
      expect(ids).toHaveLength(200);
      expect(new Set(ids).size).toBe(200);
    });

    it('is empty beyond the last page', async () => {
      const { body } = await shop.get('/products?page=99');
      expect(body).toMatchObject({ items: [], total: 200 });
    });

    it('finds a part of a name, without regard to case, within a category', async () => {
      const { body } = await shop.get('/products?search=KNIFE&category=outdoor');
      expect(body.total).toBe(3);
      expect(body.items[0].name).toBe('Folding knife, 7 cm');
    });

    it('takes the wildcards of LIKE literally', async () => {
      expect((await shop.get('/products?search=%25')).body.total).toBe(0);
      expect((await shop.get('/products?search=_')).body.total).toBe(0);
    });

    it.each([
      'page=0',
      'page=-1',
      'page=1.5',
      'page=x',
      'page=',
      'page=99999999999999999999',
      'limit=0',
      'limit=101',
      'limit=10&limit=20',
      'search=a%00b',
      'category=',
      'sort=price',
    ])('answers 400 to ?%s', async (query) => {
      expect((await shop.get(`/products?${query}`)).status).toBe(400);
    });
  });

  describe('one product', () => {
    it('is created with 201, a Location and version 1', async () => {
      const { status, headers, body } = await shop.post('/products', {
        sku: 'TEST-CREATE',
        name: '  Bookend ',
        priceCents: 1990,
        stock: 4,
      });
      expect(status).toBe(201);
      expect(headers.get('location')).toBe(`/products/${body.id}`);
      expect(body).toMatchObject({
        name: 'Bookend',
        category: 'other',
        description: '',
        stock: 4,
        version: 1,
      });
      expect((await shop.get(headers.get('location')!)).body).toEqual(body);
      expect(await shop.auditOf(body.id)).toEqual([
        { action: 'product.created', entity: 'Product', request_id: expect.any(String) },
      ]);
    });

    it('is replaced by PUT, which empties what it does not mention', async () => {
      const product = await shop.newProduct({ description: 'Before', category: 'home' });
      const { status, body } = await shop.send('PUT', `/products/${product.id}`, {
        sku: product.sku,
        name: 'After',
        priceCents: 5,
        stock: 0,
      });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        name: 'After',
        description: '',
        category: 'other',
        priceCents: 5,
        version: 2,
      });
      expect((await shop.get(`/products/${product.id}`)).body).toEqual(body);
    });

    it('is changed by PATCH, which keeps what it does not mention', async () => {
      const product = await shop.newProduct({ description: 'Kept' });
      const { status, body } = await shop.send('PATCH', `/products/${product.id}`, { priceCents: 300 });
      expect(status).toBe(200);
      const { sku, name, stock } = product;
      expect(body).toMatchObject({ sku, name, stock, description: 'Kept', priceCents: 300, version: 2 });
    });

    it('keeps its version when a PATCH changes nothing', async () => {
      const product = await shop.newProduct();
      const { status, body } = await shop.send('PATCH', `/products/${product.id}`, {});
      expect(status).toBe(200);
      expect(body).toEqual(product);
    });

    it('tells when it was created and when it was changed last', async () => {
      const product = await shop.newProduct();
      expect(product.updatedAt).toBe(product.createdAt);
      const { body } = await shop.send('PATCH', `/products/${product.id}`, { priceCents: 300 });
      expect(body.createdAt).toBe(product.createdAt);
      expect(Date.parse(body.updatedAt)).toBeGreaterThan(Date.parse(body.createdAt));
    });

    it('is gone after DELETE', async () => {
      const { id } = await shop.newProduct();
      const { status, text } = await shop.send('DELETE', `/products/${id}`);
      expect([status, text]).toEqual([204, '']);
      expect((await shop.get(`/products/${id}`)).status).toBe(404);
      expect((await shop.send('DELETE', `/products/${id}`)).status).toBe(404);
    });

    it('cannot be deleted once it has been ordered', async () => {
      const product = await shop.newProduct();
      await shop.order([product, 1]);
      const before = await shop.stored();
      const { status, body } = await shop.send('DELETE', `/products/${product.id}`);
      expect(status).toBe(409);
      expect(body.message).toContain('has been ordered');
      expect(await shop.stored()).toEqual(before);
    });

    it('cannot take the SKU of another', async () => {
      const [one, other] = [await shop.newProduct(), await shop.newProduct()];
      const before = await shop.stored();
      const created = await shop.post('/products', { sku: one.sku, name: 'Twin', priceCents: 1, stock: 1 });
      const changed = await shop.send('PATCH', `/products/${other.id}`, { sku: one.sku });
      expect([created.status, changed.status]).toEqual([409, 409]);
      expect(created.body).toEqual({
        statusCode: 409,
        error: 'Conflict',
        message: 'Another product has this SKU.',
      });
      expect(await shop.stored()).toEqual(before);
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('is not found by %s when there is none', async (method) => {
      const body = { sku: 'TEST-NONE', name: 'None', priceCents: 1, stock: 1 };
      const { status } = await shop.send(
        method,
        `/products/${UNKNOWN}`,
        /GET|DELETE/.test(method) ? undefined : body,
      );
      expect(status).toBe(404);
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE'])(
      'answers 400 to %s of an id that is no UUID',
      async (method) => {
        const { status } = await shop.send(
          method,
          '/products/42',
          /GET|DELETE/.test(method) ? undefined : {},
        );
        expect(status).toBe(400);
      },
    );
  });

  describe.each(['PUT', 'PATCH'])('%s with the version that the client has seen', (method) => {
    const change = ({ sku, id }: Product, values: object) =>
      shop.send(method, `/products/${id}`, { sku, name: 'Mine', priceCents: 250, stock: 10, ...values });

    it('is accepted while it is the newest, and stores the next one', async () => {
      const product = await shop.newProduct();
      const { status, body } = await change(product, { version: 1 });
      expect(status).toBe(200);
      expect(body).toMatchObject({ name: 'Mine', version: 2 });
      expect((await shop.get(`/products/${product.id}`)).body).toEqual(body);
    });

    it.each([1, 7])(
      'is refused when the newest is another one than %i, and tells what is there',
      async (version) => {
        const product = await shop.newProduct();
        const { body: theirs } = await shop.send('PATCH', `/products/${product.id}`, { name: 'Theirs' });
        const before = await shop.stored();
        const { status, body } = await change(product, { version });
        expect(status).toBe(409);
        expect(body).toEqual({
          statusCode: 409,
          error: 'Conflict',
          message: `Product ${product.id} has been changed meanwhile. Nothing of your change was stored.`,
          entity: 'Product',
          id: product.id,
          expected: version,
          actual: 2,
          current: theirs,
        });
        expect(await shop.stored()).toEqual(before);
      },
    );

    it('is refused when an order has taken stock since', async () => {
      const product = await shop.newProduct();
      await shop.order([product, 3]);
      const { status, body } = await change(product, { version: 1, stock: 20 });
      expect(status).toBe(409);
      expect(body.current).toMatchObject({ stock: 7, version: 2 });
    });

    it('is refused even if nothing would change', async () => {
      const product = await shop.newProduct({ name: 'Mine', description: '', category: 'other' });
      await shop.send('PATCH', `/products/${product.id}`, { priceCents: 1 });
      await shop.send('PATCH', `/products/${product.id}`, { priceCents: 250 });
      expect((await change(product, { version: 1 })).status).toBe(409);
      expect((await change(product, { version: 3 })).body).toMatchObject({ version: 3 });
    });
  });

  const invalid: [string, unknown][] = [
    ['a missing sku', { sku: undefined }],
    ['an empty name', { name: '   ' }],
    ['a name that is too long', { name: 'x'.repeat(121) }],
    ['a name with a NUL', { name: 'a\0b' }],
    ['a name that is null', { name: null }],
    ['a description that is null', { description: null }],
    ['a negative price', { priceCents: -1 }],
    ['half a cent', { priceCents: 0.5 }],
    ['a price as text', { priceCents: '100' }],
    ['a price beyond the bound', { priceCents: 100_000_001 }],
    ['a negative stock', { stock: -1 }],
    ['a stock beyond the bound', { stock: 1_000_001 }],
    ['an id of its own', { id: UNKNOWN }],
    ['a version that there never is', { version: 0 }],
    ['a version as text', { version: '1' }],
    ['a version that is null', { version: null }],
    ['a date of its own', { createdAt: new Date(0) }],
    ['an unknown key', { colour: 'red' }],
  ];
  describe.each(['POST', 'PUT', 'PATCH'])('%s with an invalid body', (method) => {
    it.each(invalid)('answers 400 to %s and stores nothing', async (_what, wrong) => {
      const id = method === 'POST' ? '' : `/${(await shop.get('/products?limit=1')).body.items[0].id}`;
      const body = { sku: 'TEST-BAD', name: 'Bad', priceCents: 1, stock: 1, ...(wrong as object) };
      // PATCH need not have a sku, so there it is missing in vain.
      if (method === 'PATCH' && _what === 'a missing sku') Object.assign(body, { sku: null });
      const before = await shop.stored();
      expect((await shop.send(method, `/products${id}`, body)).status).toBe(400);
      expect(await shop.stored()).toEqual(before);
    });
  });

  it('answers 400 to a new product with a version of its own', async () => {
    const body = { sku: 'TEST-BAD', name: 'Bad', priceCents: 1, stock: 1, version: 7 };
    expect((await shop.post('/products', body)).status).toBe(400);
  });

  it.each(['[]', '[{}]', '{', 'null', '""'])('answers 400 to the body %s', async (body) => {
    expect((await shop.post('/products', body)).status).toBe(400);
  });
});
