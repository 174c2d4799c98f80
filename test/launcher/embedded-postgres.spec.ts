import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type RunningPostgres, startPostgres } from '../../tools/embedded-postgres/index.mjs';
import { inspectPostmaster } from '../../tools/embedded-postgres/postmaster.mjs';
import { isAlive, makeScratch } from './processes.js';

let dataDirectory: string;
let cluster: string;
let server: RunningPostgres;

const start = () => startPostgres({ dataDirectory, database: 'shop', isDurable: true });

beforeAll(async () => {
  dataDirectory = makeScratch('server');
  cluster = join(dataDirectory, 'postgres');
  // What an initdb that was killed half way leaves behind.
  mkdirSync(join(dataDirectory, 'unfinished-1/base'), { recursive: true });
  writeFileSync(join(dataDirectory, 'unfinished-1.password'), 'x');
  await (await start()).stop();
});

beforeEach(async () => {
  server = await start();
});

afterEach(async () => {
  await server.stop();
});

describe('the embedded PostgreSQL', () => {
  it('makes a cluster beside the remains of an interrupted attempt, and clears those', () => {
    expect(existsSync(join(cluster, 'PG_VERSION'))).toBe(true);
    expect(readdirSync(dataDirectory).filter((name) => name.startsWith('unfinished'))).toEqual([]);
  });

  it('is adopted when it runs already', async () => {
    const again = await start();

    expect(again).toMatchObject({ adopted: true, pid: server.pid, port: server.port, url: server.url });
    expect(await again.stop()).toBe('still used');
    expect(isAlive(server.pid)).toBe(true);
  });

  it('listens on 127.0.0.1 only, and wants the password', async () => {
    const url = new URL(server.url);
    url.password = '';

    expect(await query(server.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow(/password/);
  });

  it('loses nothing that was committed when it is killed', async () => {
    await query(server.url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    process.kill(server.pid, 'SIGKILL');

    const next = await start();

    expect(next.adopted).toBe(false);
    expect(await query(next.url, 'SELECT count(*) FROM kept')).toEqual([{ count: '1000' }]);
    await next.stop();
  });

  it('is gone when stop() resolves', async () => {
    expect(await server.stop()).toBe('stopped');
    expect(isAlive(server.pid)).toBe(false);
    expect(inspectPostmaster(cluster)).toEqual({ kind: 'none' });
  });

  it('is launched once when two start at the same moment', async () => {
    await server.stop();

    const both = await Promise.all([start(), start()]);

    expect(both.filter(({ adopted }) => adopted)).toHaveLength(1);
    expect(await Promise.all(both.map(({ stop }) => stop()))).toEqual(['still used', 'stopped']);
  });

  it('refuses data of another PostgreSQL version in one line', async () => {
    const other = makeScratch('old');
    mkdirSync(join(other, 'postgres'));
    writeFileSync(join(other, 'postgres/PG_VERSION'), '12\n');

    await expect(startPostgres({ dataDirectory: other })).rejects.toThrow(
      /was made by PostgreSQL 12.*move that folder/,
    );
  });
});

describe('a postmaster.pid that was left behind', () => {
  let lock: string;

  beforeEach(async () => {
    lock = readFileSync(join(cluster, 'postmaster.pid'), 'utf8');
    await server.stop();
  });

  it('is removed when its process is dead', () => startsDespite(server.pid));

  it('is removed when its process is a zombie', async () => {
    // The parent never asks how its child ended.
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [pid] = (await once(parent.stdout, 'data')) as [Buffer];

    await startsDespite(Number(pid));

    parent.kill();
  });

  it('is removed when its pid belongs to another program by now', () => startsDespite(process.pid));

  it('is removed when its pid belongs to another PostgreSQL by now', async () => {
    const other = await startPostgres({ dataDirectory: makeScratch('other'), isDurable: false });

    await startsDespite(other.pid);

    expect(isAlive(other.pid)).toBe(true);
    await other.stop();
  });

  it('is removed when it is empty', () => startsDespite(''));

  async function startsDespite(pid: number | ''): Promise<void> {
    writeFileSync(join(cluster, 'postmaster.pid'), pid === '' ? '' : lock.replace(/^\d+/, String(pid)));
    expect(inspectPostmaster(cluster)).toEqual({ kind: 'stale' });

    const next = await start();

    expect(next.adopted).toBe(false);
    await next.stop();
  }
});

async function query(connectionString: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
