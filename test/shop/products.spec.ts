import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Product } from '../../apps/shop/src/products/product.entity.js';
import { type Answer, countByStatus, ifMatch, PLATFORMS, RunningShop } from './running-shop.js';

const UNKNOWN = '7f7c3a0e-6f0e-4d0b-9a0c-2f5a3a1c9d11';

describe.each(PLATFORMS)('products on %s', (platform) => {
  let shop: RunningShop;
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
  });
  afterAll(() => shop.close());

  const remove = (id: string, seen: number) =>
    shop.send('DELETE', `/products/${id}`, undefined, ifMatch(seen));

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
      'sort=version',
      'description=x',
      'version.gt=1',
    ])('answers 400 to ?%s', async (query) => {
      const { status, headers, body } = await shop.get(`/products?${query}`);
      expect([status, headers.get('content-type')]).toEqual([400, 'application/problem+json']);
      expect(body.errors).toHaveLength(1);
    });

    it('goes by the price when asked to, the dearest first', async () => {
      const { body } = await shop.get('/products?sort=-priceCents&limit=100');
      const prices = (body.items as Product[]).map(({ priceCents }) => priceCents);
      expect(prices).toEqual(prices.toSorted((one, other) => other - one));
    });

    it('tells where the other pages are', async () => {
      const { headers } = await shop.get('/products?category=kitchen&limit=5&page=2');
      expect(headers.get('link')).toContain('</products?category=kitchen&limit=5&page=3>; rel="next"');
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
      expect(headers.get('etag')).toBe('"1"');
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
      const values = { sku: product.sku, name: 'After', priceCents: 5, stock: 0 };
      const { status, body } = await shop.send('PUT', `/products/${product.id}`, values, ifMatch(1));
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
      const { status, body } = await shop.change(product, { priceCents: 300 });
      expect(status).toBe(200);
      const { sku, name, stock } = product;
      expect(body).toMatchObject({ sku, name, stock, description: 'Kept', priceCents: 300, version: 2 });
    });

    it('keeps its version when a PATCH changes nothing', async () => {
      const product = await shop.newProduct();
      const { status, body } = await shop.change(product, {});
      expect(status).toBe(200);
      expect(body).toEqual(product);
    });

    it('tells when it was created and when it was changed last', async () => {
      const product = await shop.newProduct();
      expect(product.updatedAt).toBe(product.createdAt);
      const { body } = await shop.change(product, { priceCents: 300 });
      expect(body.createdAt).toBe(product.createdAt);
      expect(Date.parse(body.updatedAt)).toBeGreaterThan(Date.parse(body.createdAt));
    });

    it('is known by its entity tag: whoever has the newest is told so and no more', async () => {
      const { id } = await shop.newProduct();
      const { headers } = await shop.get(`/products/${id}`);
      expect(headers.get('etag')).toBe('"1"');
      const again = await shop.get(`/products/${id}`, { 'if-none-match': '"1"' });
      expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', '"1"']);
      await shop.change({ id }, { name: 'Other' });
      const changed = await shop.get(`/products/${id}`, { 'if-none-match': '"1"' });
      expect([changed.status, changed.body.name, changed.headers.get('etag')]).toEqual([200, 'Other', '"2"']);
    });

    it('is created by PUT under an id that the client has chosen, once', async () => {
      const id = randomUUID();
      const create = () =>
        shop.send(
          'PUT',
          `/products/${id}`,
          { sku: `OWN-${platform}`, name: 'Own', priceCents: 1, stock: 1 },
          { 'if-none-match': '*' },
        );
      const answers = await Promise.all([create(), create()]);
      expect(countByStatus(answers)).toEqual({ 201: 1, 412: 1 });
      expect((await shop.get(`/products/${id}`)).body).toMatchObject({ id, name: 'Own', version: 1 });
      expect(await shop.auditOf(id)).toHaveLength(1);
    });

    it('is gone after DELETE', async () => {
      const { id } = await shop.newProduct();
      const { status, text } = await remove(id, 1);
      expect([status, text]).toEqual([204, '']);
      expect((await shop.get(`/products/${id}`)).status).toBe(404);
      expect((await remove(id, 1)).status).toBe(404);
      expect((await shop.auditOf(id)).map(({ action }) => action)).toEqual([
        'product.created',
        'product.deleted',
      ]);
    });

    it('cannot be deleted once it has been ordered', async () => {
      const product = await shop.newProduct();
      await shop.order([product, 1]);
      const before = await shop.stored();
      const { status, body } = await remove(product.id, 2);
      expect(status).toBe(409);
      expect(body.detail).toContain('is in use');
      expect(await shop.stored()).toEqual(before);
    });

    it('cannot take the SKU of another', async () => {
      const [one, other] = [await shop.newProduct(), await shop.newProduct()];
      const before = await shop.stored();
      const created = await shop.post('/products', { sku: one.sku, name: 'Twin', priceCents: 1, stock: 1 });
      const changed = await shop.change(other, { sku: one.sku }, 1);
      expect([created.status, changed.status]).toEqual([409, 409]);
      expect(created.headers.get('location')).toBeNull();
      expect(created.body).toEqual({
        type: 'about:blank',
        title: 'Conflict',
        status: 409,
        detail: 'Another Product has this sku.',
        instance: '/products',
      });
      expect(await shop.stored()).toEqual(before);
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('is not found by %s when there is none', async (method) => {
      const body = { sku: 'TEST-NONE', name: 'None', priceCents: 1, stock: 1 };
      const sent = /GET|DELETE/.test(method) ? undefined : body;
      expect((await shop.send(method, `/products/${UNKNOWN}`, sent, ifMatch('*'))).status).toBe(
        method === 'PUT' ? 412 : 404,
      );
    });

    it.each(['GET', 'PUT', 'PATCH', 'DELETE'])(
      'answers 400 to %s of an id that is no UUID',
      async (method) => {
        const sent = /GET|DELETE/.test(method) ? undefined : {};
        expect((await shop.send(method, '/products/42', sent, ifMatch('*'))).status).toBe(400);
      },
    );
  });

  describe.each(['PUT', 'PATCH', 'DELETE'])('%s under a precondition', (method) => {
    const change = ({ sku, id }: Product, headers: Record<string, string>, values: object = {}) => {
      const body = { sku, name: 'Mine', priceCents: 250, stock: 10, ...values };
      return shop.send(method, `/products/${id}`, method === 'DELETE' ? undefined : body, headers);
    };

    async function expectRefusal(work: () => Promise<Answer>, expected: object): Promise<void> {
      const before = await shop.stored();
      const { status, headers, body } = await work();
      expect({ status, body }).toMatchObject(expected);
      expect(headers.get('content-type')).toBe('application/problem+json');
      expect(headers.get('etag')).toBeNull();
      expect(await shop.stored()).toEqual(before);
    }

    it('is accepted while the version is the newest', async () => {
      const product = await shop.newProduct();
      const { status, headers, body } = await change(product, ifMatch(1));
      const read = await shop.get(`/products/${product.id}`);
      if (method === 'DELETE') return expect([status, read.status]).toEqual([204, 404]);
      expect([status, headers.get('etag')]).toEqual([200, '"2"']);
      expect(body).toMatchObject({ name: 'Mine', version: 2 });
      expect([read.body, read.headers.get('etag')]).toEqual([body, '"2"']);
    });

    it.each([1, 7])('is refused with 412 when the newest is another one than %i', async (version) => {
      const product = await shop.newProduct();
      await shop.change(product, { name: 'Theirs' });
      await expectRefusal(() => change(product, ifMatch(version)), {
        status: 412,
        body: { type: '/errors/precondition-failed', instance: `/products/${product.id}`, currentVersion: 2 },
      });
    });

    it('is refused with 412 when an order has taken stock since', async () => {
      const product = await shop.newProduct();
      await shop.order([product, 3]);
      await expectRefusal(() => change(product, ifMatch(1), { stock: 20 }), { status: 412 });
    });

    it('is refused with 428 when there is none', async () => {
      const product = await shop.newProduct();
      await expectRefusal(() => change(product, {}), {
        status: 428,
        body: { type: '/errors/precondition-required', code: 'PRECONDITION_REQUIRED' },
      });
    });

    it('is refused with 400 when it is malformed', async () => {
      const product = await shop.newProduct();
      await expectRefusal(() => change(product, { 'if-match': '1' }), {
        status: 400,
        body: { type: '/errors/malformed-header', code: 'MALFORMED_HEADER' },
      });
    });

    it('is refused with 412 even if nothing would change', async () => {
      const product = await shop.newProduct({ name: 'Mine', description: '', category: 'other' });
      await shop.change(product, { priceCents: 1 });
      await shop.change(product, { priceCents: 250 });
      await expectRefusal(() => change(product, ifMatch(1)), { status: 412 });
      if (method !== 'DELETE') expect((await change(product, ifMatch(3))).body).toMatchObject({ version: 3 });
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
      const id = method === 'POST' ? '' : `/${(await shop.newProduct()).id}`;
      const body = { sku: 'TEST-BAD', name: 'Bad', priceCents: 1, stock: 1, ...(wrong as object) };
      // PATCH need not have a sku, so there it is missing in vain.
      if (method === 'PATCH' && _what === 'a missing sku') Object.assign(body, { sku: null });
      const before = await shop.stored();
      const answer = await shop.send(method, `/products${id}`, body, method === 'POST' ? {} : ifMatch('*'));
      expect([answer.status, answer.body.errors]).toEqual([
        400,
        expect.arrayContaining([expect.any(String)]),
      ]);
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
