import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import {
  CannotCreateTransactionError,
  OutcomeUnknownError,
  UnexpectedRollbackError,
} from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { settle, watched } from '../support/gate.js';
import { WireProxy } from '../support/wire-proxy.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let proxy: WireProxy;
let database: EnlistedDatabase;

beforeAll(async () => {
  proxy = await WireProxy.to(workerDatabaseUrl());
  database = await EnlistedDatabase.open({
    url: proxy.url,
    logging: false,
    poolErrorHandler: () => undefined,
  });
});
beforeEach(async () => {
  proxy.tamper = (message) => message;
  await database.empty();
});
afterAll(async () => {
  await database.close();
  await proxy.stop();
});

async function backendOf(em: EntityManager): Promise<number> {
  const [{ pid }] = await em.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid');
  return pid;
}

async function terminate(pid: number): Promise<void> {
  await database.observer.query('SELECT pg_terminate_backend($1)', [pid]);
}

/** Ends the transaction's backend, and waits until its client has noticed. */
async function kill(em: EntityManager): Promise<void> {
  const client = await em.queryRunner!.connect();
  const pid = await backendOf(em);
  const noticed = new Promise((resume) => client.once('end', resume));
  await terminate(pid);
  await noticed;
}

/** Ends when the pool has noticed. */
async function stopTheServer(): Promise<void> {
  await proxy.stop();
  while (database.pool.totalCount > 0) await settle();
}

async function expectAWholePool(): Promise<void> {
  await database.transactions.run(() => database.write('after'));
  expect(await database.notes()).toEqual(['after']);
  expect(database.pool.waitingCount).toBe(0);
  expect(database.pool.idleCount).toBe(database.pool.totalCount);
}

describe('a backend that is killed in mid-transaction', () => {
  it('fails the statement that is running, and nothing hangs', async () => {
    await database.observer.query('SELECT pg_advisory_lock(1)');
    const blocked = watched(
      database.transactions.run(async (em) => {
        await em.insert(Note, { text: 'a' });
        await em.query('SELECT pg_advisory_lock(1)');
      }),
    );
    await terminate(await pidOfTheBlocked());
    await database.observer.query('SELECT pg_advisory_unlock(1)');

    expect(await failureOf(blocked)).toBeInstanceOf(Error);
    await expectAWholePool();
  });

  it('fails the next statement', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await kill(em);
      await em.insert(Note, { text: 'b' });
    });

    expect(await failureOf(work)).toBeInstanceOf(Error);
    await expectAWholePool();
  });

  it('cannot commit although nothing more is sent: rolled back, not unknown', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await kill(em);
    });
    const failure = await failureOf(work);

    expect(failure).toBeInstanceOf(UnexpectedRollbackError);
    expect(failure).toMatchObject({ outcome: 'rolled-back', cause: expect.any(Error) });
    await expectAWholePool();
  });

  it('does not hide the error of the method', async () => {
    const own = new Error('out of stock');
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await kill(em);
      throw own;
    });

    await expect(work).rejects.toBe(own);
    await expectAWholePool();
  });

  it('does not hide the error of the method when ROLLBACK finds out first', async () => {
    const own = new Error('out of stock');
    proxy.tamper = (message) => (message.includes('ROLLBACK') ? undefined : message);
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      throw own;
    });

    await expect(work).rejects.toBe(own);
    proxy.tamper = (message) => message;
    await expectAWholePool();
  });

  it('fails a NESTED part and the whole', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await em.transaction(async (inner) => {
        await inner.insert(Note, { text: 'b' });
        await kill(inner);
      });
    });

    expect(await failureOf(work)).toBeInstanceOf(Error);
    await expectAWholePool();
  });

  it('fails its own transaction only', async () => {
    const [killed, other] = await Promise.allSettled([
      database.transactions.run(kill),
      database.transactions.run(() => database.write('other')),
    ]);

    expect([killed.status, other.status]).toEqual(['rejected', 'fulfilled']);
    expect(await database.notes()).toEqual(['other']);
  });
});

describe('a connection that is lost after COMMIT was sent', () => {
  it('is an unknown outcome: neither success nor failure by guess', async () => {
    proxy.tamper = (message) => (message.includes('COMMIT') ? undefined : message);
    const failure = await failureOf(database.transactions.run(() => database.write('a')));

    expect(failure).toBeInstanceOf(OutcomeUnknownError);
    expect(failure).toMatchObject({ outcome: 'unknown', retryable: false });
    proxy.tamper = (message) => message;
    await expectAWholePool();
  });
});

describe('a server that cannot be reached', () => {
  it('is told before anything is done, and the next call works when it is back', async () => {
    await stopTheServer();
    const failure = await failureOf(database.transactions.run(() => database.write('a')));
    expect(failure).toBeInstanceOf(CannotCreateTransactionError);
    expect(failure).toMatchObject({
      outcome: 'not-started',
      retryable: true,
      cause: { code: 'ECONNREFUSED' },
    });

    await proxy.start();
    await expectAWholePool();
  });

  it('is told so too by an idle connection that has not noticed yet', async () => {
    await database.dataSource.query('SELECT 1');
    await proxy.stop();
    const failure = await failureOf(database.transactions.run(() => database.write('a')));
    expect(failure).toMatchObject({ code: 'CANNOT_CREATE_TRANSACTION', outcome: 'not-started' });

    await proxy.start();
    await expectAWholePool();
  });

  it('is told so too when the first statement’s failure is swallowed', async () => {
    await stopTheServer();
    const work = database.transactions.run(() => database.write('a').catch(() => undefined));
    expect((await failureOf(work)).outcome).not.toBe('committed');

    await proxy.start();
    await expectAWholePool();
  });
});

describe('a connection that is not idle at the end', () => {
  it('is destroyed, never pooled', async () => {
    let pid = 0;
    const work = database.transactions.run(async (em) => {
      pid = await backendOf(em);
      // A second BEGIN is only a warning to the server, so that COMMIT is followed by a transaction that stays open.
      proxy.tamper = (message) => swapped(message, 'COMMIT', 'BEGIN;');
      await em.insert(Note, { text: 'a' });
    });
    await failureOf(work);
    proxy.tamper = (message) => message;

    expect(await database.transactions.run(backendOf)).not.toBe(pid);
    await expectAWholePool();
  });
});

async function pidOfTheBlocked(): Promise<number> {
  for (;;) {
    const { rows } = await database.observer.query<{ pid: number }>(
      `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    );
    if (rows[0]) return rows[0].pid;
    await settle();
  }
}

function swapped(message: Buffer, text: string, by: string): Buffer {
  const at = message.indexOf(text);
  if (at >= 0) message.write(by, at);
  return message;
}
