import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { change, read } from '../workloads/exchanges.mjs';
import { requestFor, requestOnce } from './http-load.mjs';

const MS = 40;
const got = (id: number) => ({ path: `/products/${id}`, tag: null, product: { stock: 48, version: 1 } });

describe('a load of requests', () => {
  let server: Server;

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('ends when every request is answered that was sent', async () => {
    let received = 0;
    const products = await serve((_, response) => {
      received++;
      setImmediate(() => response.end('{}'));
    });

    const sample = await requestFor(MS, products, [got(1), got(2), got(3)].map(read));

    expect(sample).toMatchObject({ units: received, calls: received, cpuMs: 1 });
    expect(sample.latenciesMs).toHaveLength(received);
    expect(received).toBeGreaterThanOrEqual(3);
  });

  it('writes on condition of the answer before, over each connection to a product of its own', async () => {
    const tags = new Map<string | undefined, number>();
    const products = await serve(({ url, method, headers }, response) => {
      const version = tags.get(url) ?? 1;
      const isFresh = method === 'PATCH' && headers['if-match'] === `"${version}"`;
      tags.set(url, version + 1);
      response.writeHead(isFresh ? 200 : 412, { etag: `"${version + 1}"` }).end();
    });

    const { calls } = await requestFor(MS, products, [got(1), got(2)].map(change));

    const writes = [...tags.values()].map((version) => version - 1);
    expect(writes).toHaveLength(2);
    expect(writes[0]! + writes[1]!).toBe(calls);
  });

  it('sends the same, one at a time, where round trips are counted', async () => {
    const seen: unknown[] = [];
    const products = await serve(({ method, url, headers }, response) => {
      seen.push([method, url, headers['if-match']]);
      response.writeHead(200, { etag: `"${seen.length + 1}"` }).end();
    });
    const exchange = change(got(7));

    await requestOnce(await products.origin(), exchange);
    await requestOnce(await products.origin(), exchange);

    expect(seen).toEqual([
      ['PATCH', '/products/7', '"1"'],
      ['PATCH', '/products/7', '"2"'],
    ]);
  });

  it('refuses another answer than the expected one, and a connection that is lost', async () => {
    const products = await serve(({ url }, response) => {
      if (url === '/products/2') response.destroy();
      else response.writeHead(503).end();
    });

    await expect(requestFor(MS, products, [read(got(1))])).rejects.toThrow('answered with 503');
    await expect(requestOnce(await products.origin(), read(got(1)))).rejects.toThrow('answered with 503');
    await expect(requestFor(MS, products, [read(got(2))])).rejects.toThrow('a connection was lost');
  });

  async function serve(listener: RequestListener) {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    let cpuMs = 0;
    return { origin: async () => `http://127.0.0.1:${port}`, cpuMs: async () => cpuMs++ };
  }
});
