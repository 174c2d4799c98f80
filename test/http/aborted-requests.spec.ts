import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type pg from 'pg';
import type { QueryRunner } from 'typeorm';
import { rounds } from '../support/thoroughness.js';
import {
  COMMIT_LOCK,
  Lingering,
  MOMENTS,
  PlainController,
  send,
  SLOW_COMMIT,
  STATEMENT_LOCK,
  until,
  VersionedController,
  type Moment,
} from './aborting.js';
import { PLATFORMS, RunningLibrary } from './running-library.js';

const POOL = 6;
/** So many at once. */
const CROWD = 3;
const ROUNDS = rounds({ usual: 1, thorough: 10 });

jest.setTimeout(rounds({ usual: 20_000, thorough: 60_000 }));

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));

describe.each(PLATFORMS)('a request that its client has given up, on %s', (platform) => {
  describe.each([
    { mode: 'atomic', path: '/plain', isUndone: true },
    { mode: 'atomic', path: '/versioned', isUndone: true },
    { mode: 'opt-in', path: '/versioned', isUndone: true },
    { mode: 'opt-in', path: '/plain', isUndone: false },
  ] as const)('in mode $mode at $path', ({ mode, path, isUndone }) => {
    let library: RunningLibrary;
    let runners: QueryRunner[] = [];

    beforeAll(async () => {
      library = await RunningLibrary.open({
        platform,
        poolSize: POOL,
        controllers: [PlainController, VersionedController],
        providers: [Lingering],
        transactional: { request: { mode } },
      });
      await library.rows(SLOW_COMMIT);
    });
    beforeEach(async () => {
      unhandled.length = 0;
      await library.rows('SELECT pg_advisory_lock($1), pg_advisory_lock($2)', [STATEMENT_LOCK, COMMIT_LOCK]);
    });
    afterEach(() => letGo());
    afterAll(() => library.close());

    const pool = (): pg.Pool => (library.dataSource.driver as unknown as { master: pg.Pool }).master;

    const waitingForLock = async (query: string): Promise<number> => {
      const sql = `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ILIKE $1`;
      const [row] = await library.rows<{ n: number }>(sql, [query]);
      return row!.n;
    };

    /** How many requests are where they are to be given up. */
    const there = (moment: Moment): number | Promise<number> => {
      if (moment === 'during a statement') return waitingForLock('%pg_advisory%');
      if (moment === 'during COMMIT') return waitingForLock('COMMIT');
      if (moment === 'waiting for a row') return waitingForLock('%');
      if (moment === 'waiting for a connection') return pool().waitingCount;
      return library.application.get(Lingering).arrived;
    };

    const prepare = async (moment: Moment): Promise<void> => {
      if (moment === 'waiting for a row') await library.rows('BEGIN; SELECT id FROM book FOR UPDATE');
      if (moment !== 'waiting for a connection') return;
      runners = Array.from({ length: POOL }, () => library.dataSource.createQueryRunner());
      await Promise.all(runners.map((runner) => runner.connect()));
    };

    /** Everybody who still waits may go on. */
    const letGo = async (): Promise<void> => {
      await library.rows('ROLLBACK; SELECT pg_advisory_unlock_all()');
      library.application.get(Lingering).letGo();
      await Promise.all(runners.splice(0).map((runner) => runner.release()));
    };

    const isWhole = (): boolean => pool().waitingCount === 0 && pool().idleCount === pool().totalCount;

    const sessionsInTransaction = async (): Promise<number> => {
      const sql = `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;
      const [row] = await library.rows<{ n: number }>(sql);
      return row!.n;
    };

    const giveUp = async (moment: Moment): Promise<string[]> => {
      const books = await Promise.all(Array.from({ length: CROWD }, () => library.newBook()));
      await prepare(moment);
      const sent = books.map(({ id }) => send(library, `${path}/${id}`, { title: moment, moment }));
      await until(
        () => there(moment),
        (count) => count === CROWD,
      );
      const closed = sent.map((each) => new Promise((resolve) => each.once('close', resolve)));
      for (const each of sent) each.destroy();
      await Promise.all(closed);
      return books.map(({ id }) => id);
    };

    it.each(MOMENTS)('%s: leaves no transaction, no connection and nothing stored', async (moment) => {
      const given: string[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        given.push(...(await giveUp(moment)));
        // Nobody else ends what the client has given up.
        if (isUndone && moment !== 'waiting for a connection') await until(isWhole, Boolean);
        await letGo();
        await until(isWhole, Boolean);
        await until(sessionsInTransaction, (count) => count === 0);
        await library.rows('SELECT pg_advisory_lock($1), pg_advisory_lock($2)', [
          STATEMENT_LOCK,
          COMMIT_LOCK,
        ]);
      }
      const rows = await library.rows('SELECT title, version, copies FROM book WHERE id = ANY($1)', [given]);
      const stored = [...new Set(rows.map((row) => JSON.stringify(row)))];

      const before = JSON.stringify({ title: 'Moby-Dick', version: 1, copies: 0 });
      const after = JSON.stringify({ title: moment, version: 3, copies: 1 });
      expect(stored).toEqual([isUndone ? before : after]);
      expect(unhandled).toEqual([]);
    });

    it('leaves the pool fit for the next ones', async () => {
      await letGo();
      const books = await Promise.all(Array.from({ length: 2 * POOL }, () => library.newBook()));
      const body = { title: 'next', moment: 'never' };
      const answers = await Promise.all(
        books.map(({ id }) => library.send('PATCH', `${path}/${id}`, { 'if-match': '"1"', body })),
      );

      expect(answers.map(({ status }) => status)).toEqual(books.map(() => 200));
      expect(pool().totalCount).toBeLessThanOrEqual(POOL);
    });
  });
});
