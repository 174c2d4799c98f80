import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { createTables } from '../../apps/bench/database/tables.mjs';
import { countRoundTrips } from '../../apps/bench/measure/round-trips.mjs';
import { WORKLOADS } from '../../apps/bench/workloads/index.mjs';
import { inspectPostmaster } from '../../tools/embedded-postgres/postmaster.mjs';
import { isAlive, makeScratch, Program } from '../launcher/processes.js';
import { createDatabase } from '../support/database.js';
import { itThoroughly } from '../support/thoroughness.js';

describe('the round trips of a transaction, counted on the wire', () => {
  let url: string;

  beforeAll(async () => {
    url = await createDatabase();
    await createTables(url);
  });

  it.each([
    ['no-sql', 0],
    ['one-update', 2],
    ['find-save', 4],
    ['read-only', 2],
    ['deferrable', 2],
    ['savepoint', 3],
  ])('%s takes %i', async (name, expected) => {
    expect(await roundTripsOf('ours', name)).toBe(expected);
  });

  it('are 3 for one UPDATE by hand, so the counter counts', async () => {
    expect(await roundTripsOf('pg', 'one-update')).toBe(3);
  });

  async function roundTripsOf(contestant: 'pg' | 'ours', name: string): Promise<number> {
    const workload = WORKLOADS.find((each) => each.name === name)!;
    const { roundTrips } = await countRoundTrips(contestant, url, workload);
    return roundTrips;
  }
});

describe('npm run bench', () => {
  // The benchmark measures what is built, unlike the tests.
  beforeAll(async () => {
    const { code, stderr } = await new Program('tools/ensure-built.mjs', process.env).ended;
    if (code !== 0) throw new Error(stderr);
  }, 60_000);

  itThoroughly(
    'tells, saves and checks what every contestant did, and leaves nothing behind',
    async () => {
      const scratch = makeScratch('bench');
      const file = join(makeScratch('bench-result'), 'result.json');
      const args = ['--rounds', '1', '--round-ms', '5', '--fsync', 'off', '--json', file];

      const { code, stdout, stderr } = await bench(args, scratch).ended;

      expect({ code, checks: stdout.match(/committed exactly what it reported/g) }).toEqual({
        code: 0,
        checks: Array(3).fill('committed exactly what it reported'),
      });
      expect(stderr).toMatch(/^ +\d+ % {2}\d+:\d\d {2}starting PostgreSQL\n/);
      const saved = JSON.parse(readFileSync(file, 'utf8'));
      expect(saved).toMatchObject({
        machine: { cores: expect.any(Number) },
        versions: { node: process.versions.node, typeorm: expect.stringMatching(/^\d/) },
      });
      expect(saved.results.map(({ name }: { name: string }) => name)).toEqual(
        WORKLOADS.map(({ name }) => name),
      );
      expect(readdirSync(scratch)).toEqual([]);
    },
    60_000,
  );

  itThoroughly('stops PostgreSQL and the contestants when it is interrupted', async () => {
    const scratch = makeScratch('bench');
    const program = bench(['--fsync', 'off', '--contestants', 'pg', '--only', 'one-update'], scratch);
    const server = await serverBelow(scratch);

    const { code, stderr } = await program.kill('SIGINT');

    expect(code).toBe(130);
    expect(stderr).toContain('Stopped by SIGINT.\n');
    expect(isAlive(server)).toBe(false);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it.each([
    [['--only', 'one-updat'], "--only: 'one-updat' is unknown; known are: joined-call, no-sql, one-update"],
    [['--contestants', 'pg,them'], "--contestants: 'them' is unknown; known are: pg, typeorm, ours"],
    [['--rounds', '0'], "--rounds must be a whole number from 1 to 999999, not '0'"],
    [['--fsync', 'maybe'], "--fsync: 'maybe' is unknown; known are: on, off"],
    [['--json'], "Option '--json <value>' argument missing"],
    [['--fast'], "Unknown option '--fast'"],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await bench(args).ended;

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.split('\n')).toEqual([expect.stringContaining(message), '']);
  });
});

function bench(args: string[], temporaryDirectory = makeScratch('bench')): Program {
  return new Program('apps/bench/bench.mjs', { ...process.env, TMPDIR: temporaryDirectory }, args);
}

/** The process of the server that is started somewhere below the directory, once it takes connections. */
async function serverBelow(directory: string): Promise<number> {
  for (;;) {
    const [home = ''] = readdirSync(directory);
    const found = inspectPostmaster(join(directory, home, 'postgres'));
    if (found.kind === 'running' && found.isReady) return found.pid;
    await delay(20);
  }
}
