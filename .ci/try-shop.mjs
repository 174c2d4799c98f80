// Does what a new user does: `npm start`, look at a product, order it, stop; and looks that nothing is left running.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
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
  const products = await (await fetch(`${url}/products?limit=1`)).json();
  const [product] = Array.isArray(products) ? products : products.items;
  const body = JSON.stringify({ customer: 'Ada', lines: [{ productId: product.id, quantity: 1 }] });
  const headers = { 'content-type': 'application/json' };
  const ordered = await fetch(`${url}/orders`, { method: 'POST', headers, body });
  assert.equal(ordered.status, 201, `POST /orders answers 201, not ${ordered.status}`);
  const location = ordered.headers.get('location');
  assert.ok(location, 'POST /orders answers with a Location');
  assert.equal((await fetch(new URL(location, url))).status, 200, 'the order is found at its Location');
  const after = await (await fetch(`${url}/products/${product.id}`)).json();
  assert.equal(after.stock, product.stock - 1, 'the stock has fallen by one');
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
