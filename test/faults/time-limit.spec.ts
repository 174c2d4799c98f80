import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { beforeCommit, TransactionTimeoutError, type TransactionOptions } from '@nest-transactional/core';
import { settle } from '../support/gate.js';
import { fateOf, pidOf, StrickenDatabase, until } from './stricken-database.js';
import { cases } from '../support/thoroughness.js';

const LIMIT = { timeoutMs: 250 } as const;
let database: StrickenDatabase;

beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());

const swallow = (): undefined => undefined;
const forEver = (): Promise<never> => new Promise(() => undefined);
const run = (options: TransactionOptions, work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run(options, work);

async function sleepers(): Promise<number> {
  const { rows } = await database.observer.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`,
  );
  return rows[0]!.n;
}

/** Server versions that the driver reports: with and without `transaction_timeout`. */
describe.each(cases(['18.0'], ['15.0']))('a time limit (server %s)', (version) => {
  beforeAll(async () => {
    database = await StrickenDatabase.open();
    Object.assign(database.dataSource.driver, { version });
  });
  afterAll(() => database.close());

  it('cancels the running statement, also at the server', async () => {
    const fate = await fateOf(run(LIMIT, () => database.dataSource.query('SELECT pg_sleep(60)')));

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
    expect(fate).toMatchObject({ outcome: 'rolled-back', timeoutMs: 250 });
    await until(async () => (await sleepers()) === 0, 'the statement is cancelled');
  });

  it('cancels a later statement, also behind parameters', async () => {
    const fate = await fateOf(
      run(LIMIT, async () => {
        await database.write('a');
        await database.dataSource.query('SELECT pg_sleep($1)', [60]);
      }),
    );

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
    await until(async () => (await sleepers()) === 0, 'the statement is cancelled');
    expect(await database.notes()).toEqual([]);
  });

  it.each(['first', 'later'])('cancels a stream that waits as the %s statement', async (which) => {
    const fate = await fateOf(
      run(LIMIT, async () => {
        if (which === 'later') await database.write('a');
        const runner = database.dataSource.createQueryRunner();
        const stream = await runner.stream('SELECT pg_sleep(60)');
        for await (const _row of stream);
      }),
      5000,
    );

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
  });

  it('ends work that is idle between statements, and that never resolves', async () => {
    let late: unknown;
    const fate = await fateOf(
      run(LIMIT, async () => {
        await database.write('a');
        await forEver();
      }),
    );
    expect(fate).toBeInstanceOf(TransactionTimeoutError);

    const other = await fateOf(
      run(LIMIT, async () => {
        await database.write('b');
        await until(() => database.transactions.current === undefined, 'the transaction has ended');
        late = await database.write('c').catch((error: unknown) => error);
        return 'as if nothing had happened';
      }),
    );
    expect(other).toBeInstanceOf(TransactionTimeoutError);
    await until(() => late !== undefined, 'the late statement is answered');
    expect(late).toMatchObject({ code: expect.stringMatching(/^TRANSACTION_(?:ENDED|TIMEOUT)$/) });
    expect(await database.notes()).toEqual([]);
  });

  it('ends a wait for a lock', async () => {
    await database.observer.query(`INSERT INTO note (text) VALUES ('locked')`);
    const holder = await database.observer.connect();
    await holder.query(`BEGIN; UPDATE note SET likes = 1`);
    const fate = await fateOf(run(LIMIT, () => database.dataSource.query('UPDATE note SET likes = 2')));
    await holder.query('ROLLBACK');
    holder.release();

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
  });

  it('of a joined call ends the whole transaction', async () => {
    const fate = await fateOf(
      run({}, async () => {
        await database.write('a');
        await run(LIMIT, () => database.dataSource.query('SELECT pg_sleep(60)')).catch(swallow);
      }),
    );

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
    expect(await database.notes()).toEqual([]);
  });

  it('of a NESTED call is kept, too', async () => {
    const fate = await fateOf(
      run({}, async () => {
        await database.write('a');
        await run({ ...LIMIT, propagation: 'NESTED' }, () => database.dataSource.query('SELECT pg_sleep(8)'));
      }),
    );

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
  });

  it('holds for all attempts together', async () => {
    let attempts = 0;
    const fate = await fateOf(
      run({ timeoutMs: 500, retry: { maxRetries: 5, delayMs: 1, on: () => true } }, async () => {
        attempts++;
        await database.write('a');
        if (attempts === 1) throw new Error('again');
        await forEver();
      }),
      5000,
    );

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
    expect(attempts).toBe(2);
  });

  it('holds in a hook before the commit', async () => {
    const fate = await fateOf(
      run(LIMIT, async () => {
        beforeCommit(forEver);
        await database.write('a');
      }),
      5000,
    );

    expect(fate).toBeInstanceOf(TransactionTimeoutError);
    expect(await database.notes()).toEqual([]);
  });

  it('lets a NESTED part fail and be undone alone', async () => {
    const fate = await fateOf(
      run({ timeoutMs: 5000 }, async () => {
        await database.write('a');
        await run({ propagation: 'NESTED' }, () => database.dataSource.query('SELECT 1/0')).catch(swallow);
        await database.write('b');
      }),
    );

    expect(fate).toBeUndefined();
    expect(await database.notes()).toEqual(['a', 'b']);
  });

  it('stands at the server, for this transaction only', async () => {
    const setting = version === '18.0' ? 'transaction_timeout' : 'statement_timeout';
    const show = async (): Promise<string> => {
      const [row] = await database.dataSource.query<Record<string, string>[]>(`SHOW ${setting}`);
      return row![setting]!;
    };
    const inside: unknown[] = [];
    await run({ timeoutMs: 5000 }, async () => {
      inside.push(await show());
      await settle();
      inside.push(await show());
    });

    expect(inside.map(String).every((value) => /^(?:\d+ms|5s)$/.test(value))).toBe(true);
    expect(await database.transactions.run(show)).toBe('0');
    expect(await show()).toBe('0');
  });

  it('holds while it waits for a connection', async () => {
    const size = database.pool.options.max!;
    const taken = await Promise.all(Array.from({ length: size }, () => database.pool.connect()));
    const fate = fateOf(
      run(LIMIT, () => database.write('a')),
      3000,
    );
    const told = await fate.catch((hang: unknown) => hang);
    for (const client of taken) client.release();

    expect(told).toBeInstanceOf(TransactionTimeoutError);
    expect(await database.notes()).toEqual([]);
  });

  it('ends in time although the server process is frozen', async () => {
    let pid = 0;
    const frozen = fateOf(
      run(LIMIT, async () => {
        pid = await database.transactions.run(pidOf);
        process.kill(pid, 'SIGSTOP');
        await database.write('a');
      }),
    );
    try {
      expect(await frozen).toBeInstanceOf(TransactionTimeoutError);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });
});
