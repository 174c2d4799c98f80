import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PLATFORMS, RunningShop } from './running-shop.js';

describe.each(PLATFORMS)('what people read, on %s', (platform) => {
  let shop: RunningShop;
  beforeAll(async () => {
    shop = await RunningShop.on(platform);
  });
  afterAll(() => shop.close());

  it('serves the page', async () => {
    const { status, headers, text } = await shop.get('/');
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toBe("default-src 'self'");
    expect(text).toContain('<title>Field &amp; Desk</title>');
  });

  it('serves every file that the page, its styles and its modules refer to', async () => {
    const found = new Set<string>();
    const follow = async (path: string): Promise<void> => {
      if (found.has(path)) return;
      found.add(path);
      const { status, text } = await shop.get(path);
      expect([path, status]).toEqual([path, 200]);
      const references = text.matchAll(/"(\/assets\/[^"]+)"|from '\.(\/[^']+)'/g);
      for (const [, asset, module] of references) await follow(asset ?? `/assets${module}`);
    };
    await follow('/');
    expect([...found]).toEqual(
      expect.arrayContaining(['/assets/shop.css', '/assets/api.js', '/assets/favicon.svg']),
    );
  });

  it('gives scripts and styles their types', async () => {
    expect((await shop.get('/assets/shop.js')).headers.get('content-type')).toBe(
      'text/javascript; charset=utf-8',
    );
    expect((await shop.get('/assets/shop.css')).headers.get('content-type')).toBe('text/css; charset=utf-8');
  });

  it.each(['none.js', '..%2Fpackage.json', '..%2F..%2F..%2Fpackage.json', 'constructor', '%2Fetc%2Fpasswd'])(
    'serves nothing but its own files: %s',
    async (name) => {
      expect((await shop.get(`/assets/${name}`)).status).toBe(404);
    },
  );

  it.each(['/docs', '/docs/'])('serves the documentation at %s', async (path) => {
    const { status, headers, text } = await shop.get(path);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    for (const [, asset] of text.matchAll(/"(\/assets\/[^"]+)"/g)) {
      expect((await shop.get(asset!)).status).toBe(200);
    }
  });

  it('documents every endpoint with what it returns and how it fails', async () => {
    const { body } = await shop.get('/docs-json');
    const statuses = operationsOf(body).map(({ name, responses }) => [
      name,
      Object.keys(responses).join(' '),
    ]);
    expect(Object.fromEntries(statuses)).toEqual({
      'GET /health': '200 503',
      'GET /products': '200 400 503',
      'POST /products': '201 400 409 415 422 503',
      'GET /products/{id}': '200 304 400 404 412 503',
      'PUT /products/{id}': '200 201 400 404 409 412 415 422 428 503',
      'PATCH /products/{id}': '200 400 404 409 412 415 422 428 503',
      'DELETE /products/{id}': '204 400 404 409 412 428 503',
      'POST /orders': '201 400 404 409 422 503',
      'GET /orders/{id}': '200 304 400 404 412 503',
      'POST /orders/{id}/cancel': '200 400 404 409 412 428 503',
      'POST /orders/{id}/lines': '201 400 404 409 412 428 503',
      'GET /orders/{id}/lines/{lineId}': '200 304 400 404 412 503',
      'PATCH /orders/{id}/lines/{lineId}': '200 400 404 409 412 428 503',
      'DELETE /orders/{id}/lines/{lineId}': '200 400 404 409 412 428 503',
    });
    expect(body.components.schemas.PlaceOrderDto.properties.lines).toMatchObject({
      minItems: 1,
      maxItems: 100,
    });
    expect(body.components.schemas.ProductDto.required).toEqual(['sku', 'name', 'priceCents', 'stock']);
  });

  it('documents the headers that a client needs and gets', async () => {
    const { body } = await shop.get('/docs-json');
    const headers = operationsOf(body).map(({ name, parameters = [], responses }) => [
      name,
      [
        ...parameters.filter((each) => each.in === 'header').map((each) => each.name),
        '->',
        ...Object.keys(Object.entries(responses).find(([status]) => status < '300')![1].headers ?? {}),
      ].join(' '),
    ]);
    expect(Object.fromEntries(headers)).toEqual({
      'GET /health': '->',
      'GET /products': '-> Link',
      'POST /products': '-> ETag Last-Modified Location',
      'GET /products/{id}': 'If-None-Match -> ETag Last-Modified Accept-Patch',
      'PUT /products/{id}': 'If-Match If-None-Match -> ETag Last-Modified Content-Location',
      'PATCH /products/{id}': 'If-Match -> ETag Last-Modified Content-Location',
      'DELETE /products/{id}': 'If-Match ->',
      'POST /orders': 'Idempotency-Key -> ETag Last-Modified Location Content-Location Idempotency-Replayed',
      'GET /orders/{id}': 'If-None-Match -> ETag Last-Modified',
      'POST /orders/{id}/cancel': 'If-Match -> ETag Last-Modified Content-Location',
      'POST /orders/{id}/lines': 'If-Match -> ETag Last-Modified Location Content-Location',
      'GET /orders/{id}/lines/{lineId}': 'If-None-Match -> ETag Last-Modified',
      'PATCH /orders/{id}/lines/{lineId}': 'If-Match -> ETag Last-Modified Content-Location',
      'DELETE /orders/{id}/lines/{lineId}': 'If-Match -> ETag Last-Modified Content-Location',
    });
  });

  it('documents every error as problem details', async () => {
    const { body } = await shop.get('/docs-json');
    for (const { responses } of operationsOf(body)) {
      for (const [status, { content }] of Object.entries(responses))
        if (status >= '400') expect(Object.keys(content ?? {})).toEqual(['application/problem+json']);
    }
  });

  it('leads from the type of an error to its page', async () => {
    const product = await shop.newProduct();
    const refusals = [
      await shop.change(product, {}, 7),
      await shop.send('DELETE', `/products/${product.id}`),
      await shop.send('DELETE', `/products/${product.id}`, undefined, { 'if-match': '7' }),
      await shop.post('/orders', {}),
    ];
    for (const { body } of refusals) {
      const { status, headers, text } = await shop.get(body.type);
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      expect(text).toContain(`<code>${body.code}</code>`);
      // What is Markdown in a link, too, is not shown as such.
      expect(text.replaceAll(/<pre>.*?<\/pre>/gs, '')).not.toMatch(/`|\]\(/);
    }
  });

  it.each(['none', '..%2Fperformance', '..%2F..%2FREADME', 'README.md'])(
    'serves no page but those of errors: %s',
    async (name) => {
      const { status, body } = await shop.get(`/errors/${name}`);
      expect([status, body.type]).toEqual([404, 'about:blank']);
    },
  );

  describe('health', () => {
    it('is ok while the database answers', async () => {
      const { status, body } = await shop.get('/health');
      expect([status, body]).toEqual([200, { status: 'ok' }]);
    });

    it('is 503 while the database does not, and ok when it is back', async () => {
      const name = new URL(shop.databaseUrl).pathname.slice(1);
      const admin = await connectToServerOf(shop.databaseUrl);
      await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await admin.query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1', [
        name,
      ]);
      expect((await shop.get('/health')).status).toBe(503);
      await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
      await admin.end();
      expect((await shop.get('/health')).status).toBe(200);
    });
  });
});

interface DocumentedOperation {
  name: string;
  parameters?: { name: string; in: string }[];
  responses: Record<string, { headers?: object; content?: object }>;
}

function operationsOf(document: any): DocumentedOperation[] {
  return Object.entries<Record<string, DocumentedOperation>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      name: `${method.toUpperCase()} ${path}`,
    })),
  );
}

async function connectToServerOf(databaseUrl: string) {
  const { default: pg } = await import('pg');
  const url = new URL(databaseUrl);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
}
