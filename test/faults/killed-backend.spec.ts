import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { afterCompletion } from '@nest-transactional/core';
import { Note } from '../transactions/entities.js';
import { fateOf, pidOf, StrickenDatabase, until } from './stricken-database.js';

const LOCK = 77;
const swallow = (): undefined => undefined;
let database: StrickenDatabase;

/** What waits for the advisory lock of the tests. */
async function blocked(): Promise<number | undefined> {
  const { rows } = await database.observer.query<{ pid: number }>(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = ${LOCK}`,
  );
  return rows[0]?.pid;
}

/** Kills whoever waits for the lock, with the lock held meanwhile. */
async function killTheBlocked<T>(work: () => Promise<T>): Promise<T> {
  const holder = await database.observer.connect();
  await holder.query('SELECT pg_advisory_lock($1)', [LOCK]);
  const running = work();
  let pid: number | undefined;
  try {
    await until(async () => (pid = await blocked()) !== undefined, 'somebody waits');
    await database.terminate(pid!);
  } finally {
    await until(async () => (await blocked()) === undefined, 'nobody waits');
    await holder.query('SELECT pg_advisory_unlock($1)', [LOCK]);
    holder.release();
  }
  return await running;
}

/** Ends the backend while its transaction is idle; `told` waits until the client has noticed. */
async function killIdle(em: EntityManager, { told }: { told: boolean }): Promise<void> {
  const pid = await pidOf(em);
  const client = await em.queryRunner!.connect();
  const noticed = new Promise((resume) => client.once('end', resume));
  await database.terminate(pid);
  if (told) await noticed;
}

describe.each([
  ['with', true],
  ['without', false],
] as const)('a backend that is killed, %s outcome tracking', (_name, outcomeTracking) => {
  let outcomes: string[] = [];

  beforeAll(async () => {
    database = await StrickenDatabase.open({ enlist: { outcomeTracking } });
    await database.observer.query(`
      CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.text LIKE 'slow%' THEN PERFORM pg_advisory_xact_lock(${LOCK}); END IF;
        RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_at_commit();
    `);
  });
  beforeEach(async () => {
    outcomes = [];
    await database.empty();
  });
  afterEach(() => database.expectHealthy());
  afterAll(() => database.close());

  const run = (work: (em: EntityManager) => Promise<unknown>): Promise<any> =>
    fateOf(
      database.transactions.run((em) => {
        afterCompletion((outcome) => void outcomes.push(outcome));
        return work(em);
      }),
    );

  it.each([true, false])('idle between statements, and the client has noticed: %p', async (told) => {
    const fate = await run(async (em) => {
      await database.write('a');
      await killIdle(em, { told });
      await database.write('b');
    });

    expect(fate).toBeInstanceOf(Error);
    expect(outcomes).toEqual(['rolled-back']);
    expect(await database.notes()).toEqual([]);
  });

  it('idle before a COMMIT of which the client cannot know that it is in vain', async () => {
    const fate = await run(async (em) => {
      await database.write('a');
      await killIdle(em, { told: false });
    });

    // Where the loss is noticed only by COMMIT, nobody can tell without asking.
    expect(fate?.outcome).toMatch(outcomeTracking ? /^rolled-back$/ : /^(?:rolled-back|unknown)$/);
    expect(outcomes).toEqual([fate.outcome]);
  });

  it('in the first statement', async () => {
    const fate = await killTheBlocked(() =>
      run((em) => em.query('SELECT pg_advisory_xact_lock($1)', [LOCK])),
    );

    expect(fate.driverError?.code).toBe('57P01');
    expect(outcomes).toEqual(['rolled-back']);
  });

  it('in a statement whose failure is swallowed: known to be rolled back', async () => {
    const fate = await killTheBlocked(() =>
      run(async (em) => {
        await database.write('a');
        await em.query('SELECT pg_advisory_xact_lock($1)', [LOCK]).catch(swallow);
      }),
    );

    expect(fate).toMatchObject({ outcome: 'rolled-back', cause: { code: '57P01' } });
    expect(outcomes).toEqual(['rolled-back']);
  });

  it('in a statement after which another one is tried: the first failure is the cause', async () => {
    const fate = await killTheBlocked(() =>
      run(async (em) => {
        await database.write('a');
        await em.query('SELECT pg_advisory_xact_lock($1)', [LOCK]).catch(swallow);
        await em.insert(Note, { text: 'b' });
      }),
    );

    expect([fate.cause?.code, fate.driverError?.code, fate.cause?.cause?.code]).toContain('57P01');
  });

  it('in a statement of a NESTED call', async () => {
    const fate = await killTheBlocked(() =>
      run(async () => {
        await database.write('a');
        await database.transactions
          .run({ propagation: 'NESTED' }, (em) => em.query('SELECT pg_advisory_xact_lock($1)', [LOCK]))
          .catch(swallow);
      }),
    );

    expect(fate).toMatchObject({ outcome: 'rolled-back' });
    expect(await database.notes()).toEqual([]);
  });

  it('in COMMIT', async () => {
    const fate = await killTheBlocked(() => run(() => database.write('slow')));

    expect(fate).toMatchObject({ outcome: outcomeTracking ? 'rolled-back' : 'unknown' });
    expect(outcomes).toEqual([fate.outcome]);
    expect(await database.notes()).toEqual([]);
  });

  it('in COMMIT of one of many: the others are not touched', async () => {
    const fates = await killTheBlocked(() =>
      Promise.all(['slow', 'b', 'c'].map((text) => run(() => database.write(text)))),
    );

    expect(fates.map((fate) => fate?.outcome)).toEqual([
      outcomeTracking ? 'rolled-back' : 'unknown',
      undefined,
      undefined,
    ]);
    expect(await database.notes()).toEqual(['b', 'c']);
  });

  it('with an open stream', async () => {
    const fate = await run(async (em) => {
      await database.write('a');
      const stream = await em.queryRunner!.stream('SELECT generate_series(1, 100000)');
      const rows = stream[Symbol.asyncIterator]();
      await rows.next();
      const { rows: found } = await database.observer.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%generate_series%'
         AND pid <> pg_backend_pid()`,
      );
      await database.terminate(found[0]!.pid);
      for (;;) if ((await rows.next()).done) break;
    });

    expect(fate).toBeInstanceOf(Error);
    expect(await database.notes()).toEqual([]);
  });
});
