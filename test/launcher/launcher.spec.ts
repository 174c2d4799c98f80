import { readdirSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { inspectPostmaster } from '../../tools/embedded-postgres/postmaster.mjs';
import { workerDatabaseUrl } from '../support/database.js';
import { cleanEnvironment, isAlive, makeScratch, Program, root } from './processes.js';

const running: Program[] = [];
let data: string;

beforeAll(() => {
  // One cluster, as in a checkout: to make one takes longer than all else.
  data = makeScratch('launcher');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((program) => program.kill('SIGTERM')));
});

describe('npm start with its own PostgreSQL', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'closes the shop, then PostgreSQL, on %s',
    async (signal) => {
      const { shop, server } = await startShop();

      const { code, stdout } = await shop.kill(signal);

      expect(code).toBe(0);
      expect(stdout).toContain('closed after use');
      expect(isAlive(server)).toBe(false);
    },
  );

  it('keeps what was written when it is killed and started again, on the server that still runs', async () => {
    const first = await startShop();
    const written = await notesIn(first.url);
    await fetch(first.url, { method: 'POST' });
    await first.shop.kill('SIGKILL');

    const second = await startShop();

    expect(second.server).toBe(first.server);
    expect(await notesIn(second.url)).toBe(written + 1);
    await second.shop.kill('SIGTERM');
    expect(isAlive(first.server)).toBe(false);
  });

  it('leaves PostgreSQL to a second launcher, which stops it as the last one', async () => {
    const [one, other] = await Promise.all([startShop(), startShop()]);
    expect(one.server).toBe(other.server);

    await one.shop.kill('SIGTERM');
    expect((await fetch(other.url, { method: 'POST' })).status).toBe(200);

    await other.shop.kill('SIGTERM');
    expect(isAlive(one.server)).toBe(false);
  });

  it('says in one line why the shop did not start, and stops PostgreSQL', async () => {
    const { code, stderr } = await launch({ SHOP_DATA_DIR: data, FAKE_SHOP: 'fails' }).ended;

    expect(code).toBe(1);
    expect(stderr).toBe('The migration failed.\n');
    expect(inspectPostmaster(join(data, 'postgres')).kind).toBe('none');
  });

  it('gives up a shop that does not close when it is asked twice', async () => {
    const { shop } = await startShop({ FAKE_SHOP: 'hangs' });
    const nagging = setInterval(() => void shop.kill('SIGINT'), 100);

    const { code } = await shop.ended;

    clearInterval(nagging);
    expect(code).toBe(1);
  });
});

describe('npm start on a used port', () => {
  it('names the port and the remedy, and starts nothing', async () => {
    const unused = makeScratch('port');
    const server = createServer().listen(0);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };

    const { code, stderr } = await launch({ SHOP_DATA_DIR: unused, PORT: String(port) }).ended;

    server.close();
    expect(code).toBe(1);
    expect(stderr).toBe(`Port ${port} is in use. Choose another one: PORT=${port + 1} npm start\n`);
    expect(readdirSync(unused)).toEqual([]);
  });

  it.each(['http', '-1', '65536', '1.5'])('refuses PORT=%s', async (PORT) => {
    const { code, stderr } = await launch({ PORT }).ended;

    expect(code).toBe(1);
    expect(stderr).toBe(`PORT must be a whole number from 0 to 65535, not "${PORT}".\n`);
  });
});

describe('npm start with DATABASE_URL', () => {
  it('uses that server and leaves it alone', async () => {
    const shop = launch({ DATABASE_URL: workerDatabaseUrl() });
    await shop.prints(/The shop +(\S+)/);

    expect((await shop.kill('SIGTERM')).code).toBe(0);
    expect(shop.stdout).toMatch(/Data +PostgreSQL at 127\.0\.0\.1:\d+\/worker_\d+\n/);
  });

  it('waits with progress for one that cannot be reached, then gives up in one line without the password', async () => {
    const DATABASE_URL = 'postgresql://ann:secret@127.0.0.1:1/shop';

    const { code, stdout, stderr } = await launch({ DATABASE_URL, DATABASE_WAIT_MS: '10' }).ended;

    expect(code).toBe(1);
    expect(stdout).toContain('Waiting for PostgreSQL at 127.0.0.1:1/shop');
    expect(stderr).toMatch(/^PostgreSQL at 127\.0\.0\.1:1\/shop cannot be reached .*ECONNREFUSED.*\n$/);
    expect(stdout + stderr).not.toContain('secret');
  });

  it('does not wait for a server that refuses the password', async () => {
    const url = new URL(workerDatabaseUrl());
    url.password = 'secret';

    const { code, stderr } = await launch({ DATABASE_URL: url.href, DATABASE_WAIT_MS: '3600000' }).ended;

    expect(code).toBe(1);
    expect(stderr).toMatch(/^PostgreSQL at .* refuses: password authentication failed.*\n$/);
  });

  it.each(['nonsense:secret@', 'https://ann:secret@host/db', 'postgresql://ann:secret@:port/db'])(
    'does not repeat a malformed one (%s), which may hold a password',
    async (DATABASE_URL) => {
      const { code, stdout, stderr } = await launch({ DATABASE_URL, DATABASE_WAIT_MS: '0' }).ended;

      expect(code).toBe(1);
      expect(stdout + stderr).toMatch(/^DATABASE_URL is not a URL like .*\n$/);
      expect(stdout + stderr).not.toContain('secret');
    },
  );

  it('stops waiting on SIGTERM', async () => {
    const shop = launch({ DATABASE_URL: 'postgresql://127.0.0.1:1/shop' });
    await shop.prints(/Waiting for/);

    expect((await shop.kill('SIGTERM')).code).toBe(0);
  });
});

function launch(env: NodeJS.ProcessEnv): Program {
  const program = new Program(join(root, 'apps/shop/launcher.mjs'), {
    ...cleanEnvironment(),
    SHOP_ENTRY: 'test/launcher/fake-shop.mjs',
    PORT: '0',
    ...env,
  });
  running.push(program);
  return program;
}

async function startShop(env: NodeJS.ProcessEnv = {}) {
  const shop = launch({ SHOP_DATA_DIR: data, ...env });
  const url = (await shop.prints(/The shop +(\S+)\n/)).replace('localhost', '127.0.0.1');
  await shop.prints(/Data .*\n/);
  const postmaster = inspectPostmaster(join(data, 'postgres'));
  return { shop, url, server: postmaster.kind === 'running' ? postmaster.pid : 0 };
}

async function notesIn(url: string): Promise<number> {
  const response = await fetch(url);
  return Number(((await response.json()) as { notes: string }).notes);
}
