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
    const statuses = Object.entries<Record<string, { responses: object }>>(body.paths).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, { responses }]) => [
          `${method.toUpperCase()} ${path}`,
          Object.keys(responses).join(' '),
        ]),
    );
    expect(Object.fromEntries(statuses)).toEqual({
      'GET /health': '200 503',
      'GET /products': '200 400',
      'POST /products': '201 400 409',
      'GET /products/{id}': '200 400 404',
      'PUT /products/{id}': '200 400 404 409',
      'PATCH /products/{id}': '200 400 404 409',
      'DELETE /products/{id}': '204 400 404 409',
      'POST /orders': '201 400 404 409',
      'GET /orders/{id}': '200 400 404',
      'POST /orders/{id}/cancel': '200 400 404 409',
      'PUT /orders/{id}/lines/{productId}': '200 400 404 409',
      'DELETE /orders/{id}/lines/{productId}': '200 400 404 409',
    });
    expect(body.components.schemas.PlaceOrderDto.properties.lines).toMatchObject({
      minItems: 1,
      maxItems: 100,
    });
    expect(body.components.schemas.ProductPatchDto.required ?? []).toEqual([]);
  });

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

async function connectToServerOf(databaseUrl: string) {
  const { default: pg } = await import('pg');
  const url = new URL(databaseUrl);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
}
