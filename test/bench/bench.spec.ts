import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openContestant } from '../../apps/bench/contestants/contestant.mjs';
import type { Contestant, ContestantName } from '../../apps/bench/contestants/contestant.mjs';
import { createTables } from '../../apps/bench/database/tables.mjs';
import { countRoundTrips } from '../../apps/bench/measure/round-trips.mjs';
import { compete, HOT, WAYS } from '../../apps/bench/workloads/contention.mjs';
import { WORKLOADS } from '../../apps/bench/workloads/index.mjs';
import { inspectPostmaster } from '../../tools/embedded-postgres/postmaster.mjs';
import { isAlive, makeScratch, Program } from '../launcher/processes.js';
import { createDatabase } from '../support/database.js';
import { itThoroughly } from '../support/thoroughness.js';
import { ENTITIES_OF_KINDS, KINDS, sowFor, WRITES, type Writer } from '../versions/kinds.js';
import { StatementsOnTheWire } from '../versions/statements-on-the-wire.js';
import { VersionedDatabase } from '../versions/versioned-database.js';

describe('the round trips of a transaction, counted on the wire', () => {
  let url: string;

  beforeAll(async () => {
    url = await createDatabase();
    await createTables(url);
  });

  it.each([
    ['no-sql', '1 caller', 0],
    ['one-update', '1 caller', 2],
    ['find-save', '1 caller', 3],
    ['transfer', '1 caller', 5],
    ['read-only', '1 caller', 2],
    ['deferrable', '1 caller', 2],
    ['savepoint', '1 caller', 3],
    ['hot-row', 'version', 3],
    ['hot-row', 'row lock', 3],
    ['hot-row', 'SERIALIZABLE', 3],
    ['hot-row', 'advisory lock', 4],
  ])('%s, %s, takes %i', async (name, label, expected) => {
    expect(await roundTripsOf('ours', name, label)).toBe(expected);
  });

  it('are those of plain TypeORM for a save() outside of a transaction, of what was loaded before', async () => {
    const [ours, usual] = [
      await roundTripsOf('ours', 'save-overhead', 'loaded before'),
      await roundTripsOf('typeorm', 'save-overhead', 'loaded before'),
    ];

    expect([ours, usual]).toEqual([4, 4]);
  });

  it('are 3 for one UPDATE by hand, so the counter counts', async () => {
    expect(await roundTripsOf('pg', 'one-update', '1 caller')).toBe(3);
  });

  function roundTripsOf(contestant: ContestantName, name: string, label: string): Promise<number> {
    return roundTripsIn(url, contestant, [name, label]);
  }
});

describe('a write that checks a version, outside of a transaction', () => {
  let database: VersionedDatabase;
  let wire: StatementsOnTheWire;

  beforeAll(async () => {
    wire = await StatementsOnTheWire.listen();
    database = await VersionedDatabase.open(ENTITIES_OF_KINDS, { url: wire.url });
  });
  afterAll(async () => {
    await database.close();
    await wire.stop();
  });

  it.each(WRITES)('$write takes the round trips that TypeORM’s own takes', async (write) => {
    const [kind] = KINDS;
    const counted: number[] = [];
    for (const { manager } of [database.plain, database.dataSource]) {
      const entity = await sowFor(database, { kind: kind!, write });
      counted.push(await wire.roundTripsOf(() => write.perform(manager as Writer, entity)));
    }

    const [usual, ours] = counted;
    expect(ours).toBe(usual);
  });
});

describe('many callers who add to one row', () => {
  const CROWD = { callers: 8, increments: 80, ms: Infinity, rowsOf: () => [HOT] };
  let contestant: Contestant;

  beforeAll(async () => {
    const url = await createDatabase();
    await createTables(url);
    contestant = await openContestant('ours', { url, poolSize: 4 });
  });
  afterAll(() => contestant.close());

  it.each(WAYS)('lose nothing: $label', async ({ task }) => {
    const { calls, conflicts } = await compete(contestant, contestant.tasks[task], CROWD);

    expect({ calls, lost: conflicts?.lost }).toEqual({ calls: 80, lost: 0 });
  });

  it('need one retry each at most, where a version is checked', async () => {
    const { conflicts } = await compete(contestant, contestant.tasks.addVersioned, CROWD);

    expect(conflicts?.most).toBeLessThanOrEqual(1);
  });
});

describe('npm run bench', () => {
  // The benchmark measures what is built, unlike the tests.
  beforeAll(async () => {
    const { code, stderr } = await new Program('tools/ensure-built.mjs', process.env).ended;
    if (code !== 0) throw new Error(stderr);
  }, 60_000);

  describe('counts on the wire the round trips of a request', () => {
    let url: string;

    beforeAll(async () => {
      url = await createDatabase();
      await createTables(url);
    });

    it.each([
      ['http-get', '1 client', 1],
      ['http-get-304', 'handler', 1],
      ['http-get-304', 'version', 1],
      ['http-patch', '1 client', 3],
    ])('%s, %s, takes %i', async (name, label, expected) => {
      expect(await roundTripsIn(url, 'ours', [name, label])).toBe(expected);
    });

    it('which are 5 for a PATCH on plain TypeORM', async () => {
      expect(await roundTripsIn(url, 'typeorm', ['http-patch', '1 client'])).toBe(5);
    });

    it('but not of a contestant that serves nothing', async () => {
      await expect(roundTripsIn(url, 'pg', ['http-get', '1 client'])).rejects.toThrow(
        'it has no HTTP server',
      );
    });
  });

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
    180_000,
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

async function roundTripsIn(
  url: string,
  contestant: ContestantName,
  [name, label]: [string, string],
): Promise<number> {
  const workload = WORKLOADS.find((each) => each.name === name)!;
  const line = workload.lines.find((each) => each.label === label)!;
  const { roundTrips } = await countRoundTrips(contestant, url, line.call ?? workload.call);
  return roundTrips;
}

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
