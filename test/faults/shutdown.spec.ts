import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  OutcomeUnknownError,
  ShutdownError,
  TransactionalModule,
  TransactionManager,
} from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { gate, watched } from '../support/gate.js';
import { openObserver, textsOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';
import { fateOf, StrickenDatabase, until, within } from './stricken-database.js';

const GRACE_MS = 300;
const PATIENCE_MS = 4000;
const forEver = (): Promise<never> => new Promise(() => undefined);

describe('shutDown()', () => {
  let database: StrickenDatabase;

  beforeEach(async () => {
    database = await StrickenDatabase.open();
  });
  afterEach(() => database.close());

  const shutDown = (graceMs = GRACE_MS): Promise<void> =>
    within(PATIENCE_MS, database.transactions.shutDown(graceMs), 'shutDown()');

  it('waits for what runs, and refuses what is new', async () => {
    const isInside = gate();
    const mayGoOn = gate();
    let isOver = false;
    const running = database.transactions.run(async () => {
      await database.write('running');
      isInside.open();
      await mayGoOn.opened;
      await database.transactions.run(() => database.write('joined'));
    });
    await isInside.opened;
    const down = shutDown(60_000).then(() => (isOver = true));
    const refused = await fateOf(database.transactions.run(() => database.write('new')));
    const separate = await fateOf(
      database.transactions.run({ propagation: 'REQUIRES_NEW' }, () => database.write('new')),
    );
    expect(isOver).toBe(false);
    mayGoOn.open();
    await Promise.all([running, down]);

    expect([refused, separate].map((error) => error instanceof ShutdownError)).toEqual([true, true]);
    expect(refused).toMatchObject({ outcome: 'not-started', retryable: true });
    expect(await database.notes()).toEqual(['joined', 'running']);
  });

  async function busySessions(): Promise<number> {
    const { rows } = await database.observer.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
       AND application_name <> 'observer'`,
    );
    return rows[0]!.n;
  }

  const STUCK: Record<string, () => Promise<unknown>> = {
    'in a statement': () => database.dataSource.query('SELECT pg_sleep(30)'),
    'idle between statements': forEver,
    'in a savepoint': () =>
      database.transactions.run({ propagation: 'NESTED' }, async () => {
        await database.write('inner');
        await forEver();
      }),
    'in a stream': async () => {
      const stream = await database.dataSource.createQueryRunner().stream('SELECT pg_sleep(30)');
      for await (const _row of stream);
    },
    'in REQUIRES_NEW': () =>
      database.transactions.run({ propagation: 'REQUIRES_NEW' }, () =>
        database.dataSource.query('SELECT pg_sleep(30)'),
      ),
  };

  it.each(Object.keys(STUCK))(
    'rolls back what is stuck %s after the grace, and the pool can be closed',
    async (where) => {
      const isInside = gate();
      const stuck = watched(
        database.transactions.run(async () => {
          await database.write('stuck');
          const going = STUCK[where]!();
          isInside.open();
          await going;
        }),
      );
      await isInside.opened;
      await shutDown();
      await within(PATIENCE_MS, database.dataSource.destroy(), 'destroy()');

      expect(await database.notes()).toEqual([]);
      if (where.includes('statement') && !where.includes('idle')) {
        expect(await fateOf(stuck)).toBeInstanceOf(ShutdownError);
      }
      await until(async () => (await busySessions()) === 0, 'the server has stopped working on it');
      await database.dataSource.initialize();
    },
  );

  it('rolls back what is stuck in a lock wait of its own making', async () => {
    const holder = await database.observer.connect();
    await holder.query('BEGIN; LOCK TABLE note');
    const stuck = watched(database.transactions.run(() => database.write('stuck')));
    await shutDown();
    expect(await fateOf(stuck)).toBeInstanceOf(ShutdownError);
    await holder.query('ROLLBACK');
    holder.release();

    expect(await database.notes()).toEqual([]);
  });

  it('never claims that a transaction was rolled back whose COMMIT is under way', async () => {
    const struck = database.proxy.strike('COMMIT', 'black-hole-answer');
    const committing = watched(database.transactions.run(() => database.write('acknowledged?')));
    await struck;
    await shutDown();
    const fate = await fateOf(committing);

    expect(fate).toBeInstanceOf(OutcomeUnknownError);
    expect(await database.notes()).toEqual(['acknowledged?']);
    database.proxy.heal();
  });

  it('loses nothing that was acknowledged', async () => {
    const acknowledged: string[] = [];
    let isDown = false;
    const worker = async (number: number): Promise<void> => {
      for (let round = 0; !isDown; round++) {
        const text = `${number} ${round}`;
        const fate = await fateOf(
          database.transactions.run(async () => {
            await database.write(text);
            await database.write(`${text} again`);
          }),
        );
        if (fate === undefined) acknowledged.push(text, `${text} again`);
        else isDown = true;
      }
    };
    const workers = Promise.all([1, 2, 3, 4, 5, 6].map(worker));
    while (acknowledged.length < 100) await new Promise((resume) => setImmediate(resume));
    await shutDown();
    await workers;

    expect(await database.notes()).toEqual(acknowledged.toSorted());
  });

  it('a second time does no harm', async () => {
    await Promise.all([shutDown(), shutDown()]);
    await shutDown();

    expect(await fateOf(database.transactions.run(() => 1))).toBeInstanceOf(ShutdownError);
  });
});

describe('app.close()', () => {
  async function start(url: string): Promise<INestApplication> {
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url,
          entities: [Note],
          synchronize: true,
          retryAttempts: 0,
        }),
        TransactionalModule.forRoot({ shutdownGraceMs: GRACE_MS }),
      ],
    }).compile();
    return await module.createNestApplication({ logger: false }).init();
  }

  it.each([true, false])('waits for what runs, within the grace (it ends in time: %p)', async (ends) => {
    const url = await createDatabase();
    const application = await start(url);
    const transactions = application.get(TransactionManager);
    const isInside = gate();
    const mayGoOn = gate();
    const work = watched(
      transactions.run(async (em) => {
        await em.insert(Note, { text: 'a' });
        isInside.open();
        await (ends ? mayGoOn.opened : em.query('SELECT pg_sleep(30)'));
        await em.insert(Note, { text: 'b' });
      }),
    );
    await isInside.opened;
    const closing = within(PATIENCE_MS, application.close(), 'app.close()');
    mayGoOn.open();
    await closing;
    const fate = await fateOf(work);
    const observer = await openObserver(url);

    expect(fate === undefined ? 'committed' : fate.code).toBe(ends ? 'committed' : 'SHUTDOWN');
    expect(await textsOf(observer, 'SELECT text FROM note ORDER BY text')).toEqual(ends ? ['a', 'b'] : []);
    await observer.end();
  });
});
