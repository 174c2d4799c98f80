// Does what a new user does: `npm start`, look at a product, order it, change its price, stop; and looks that nothing is left running.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { inspectPostmaster } from '../tools/embedded-postgres/postmaster.mjs';

const START_MS = 60_000;
const STOP_MS = 20_000;

const [dataDirectory = ''] = process.argv.slice(2);
const port = await freePort();
const url = `http://127.0.0.1:${port}`;

const shop = spawn('npm', ['start'], {
  env: withoutDatabaseUrl({ PORT: String(port), SHOP_DATA_DIR: dataDirectory }),
  stdio: ['ignore', 'inherit', 'inherit'],
});
const exited = once(shop, 'exit');

try {
  await isHealthy();
  await takesAnOrder();
  await refusesALateChange();
} finally {
  shop.kill('SIGTERM');
}
const [code] = await Promise.race([exited, delay(STOP_MS, ['no exit at all'], { ref: false })]);
assert.equal(code, 0, `npm start exits with 0 on SIGTERM, not with ${code}`);
assert.equal(inspectPostmaster(join(dataDirectory, 'postgres')).kind, 'none', 'PostgreSQL has stopped');

async function isHealthy() {
  const startedAt = Date.now();
  while (Date.now() - startedAt < START_MS) {
    assert.equal(shop.exitCode, null, 'npm start keeps running');
    const response = await fetch(`${url}/health`).catch(() => undefined);
    if (response?.status === 200) return console.log(`/health answered after ${Date.now() - startedAt} ms`);
    await delay(50);
  }
  assert.fail(`/health did not answer within ${START_MS} ms`);
}

async function takesAnOrder() {
  const product = await firstProduct();
  const body = JSON.stringify({ customer: 'Ada', lines: [{ productId: product.id, quantity: 1 }] });
  const headers = { 'content-type': 'application/json', 'idempotency-key': `"${randomUUID()}"` };
  const ordered = await fetch(`${url}/orders`, { method: 'POST', headers, body });
  assert.equal(ordered.status, 201, `POST /orders answers 201, not ${ordered.status}`);
  const again = await fetch(`${url}/orders`, { method: 'POST', headers, body });
  assert.deepEqual(await again.json(), await ordered.json(), 'the same key gets the same answer');
  const location = ordered.headers.get('location');
  assert.ok(location, 'POST /orders answers with a Location');
  assert.equal((await fetch(new URL(location, url))).status, 200, 'the order is found at its Location');
  const after = await (await fetch(`${url}/products/${product.id}`)).json();
  assert.equal(after.stock, product.stock - 1, 'the stock has fallen by one');
}

async function refusesALateChange() {
  const { id } = await firstProduct();
  const tag = (await fetch(`${url}/products/${id}`)).headers.get('etag');
  assert.ok(tag, 'GET /products/:id answers with an ETag');
  const headers = { 'content-type': 'application/merge-patch+json', 'if-match': tag };
  const change = () =>
    fetch(`${url}/products/${id}`, { method: 'PATCH', headers, body: JSON.stringify({ priceCents: 1234 }) });
  assert.deepEqual(
    [(await change()).status, (await change()).status],
    [200, 412],
    'of two changes under one ETag, one is made',
  );
}

async function firstProduct() {
  const { items } = await (await fetch(`${url}/products?limit=1`)).json();
  return items[0];
}

/** @returns {Promise<number>} */
async function freePort() {
  const probe = createServer().listen(0);
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}

/** @param {NodeJS.ProcessEnv} env */
function withoutDatabaseUrl(env) {
  const { DATABASE_URL: _url, ...rest } = process.env;
  return { ...rest, ...env };
}
