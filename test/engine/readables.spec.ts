import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { settle } from '../support/gate.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { exhaust, FAILING, Readers, undo } from './row-readers.js';

let database: EnlistedDatabase;
let application: INestApplication;
let readers: Readers;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: [Readers] });
  readers = application.get(Readers);
});
beforeEach(async () => {
  await database.empty();
  await database.observer.query(
    `INSERT INTO note (text, likes) SELECT 'seed ' || n, n FROM generate_series(1, 300) n`,
  );
});
afterAll(async () => {
  await application.close();
  await database.close();
});

/** The notes that are stored, besides those that were there before. */
async function stored(): Promise<string[]> {
  return (await database.notes()).filter((text) => !text.startsWith('seed'));
}

/** Resolves when no connection but the observer's holds a transaction or executes anything. */
async function allHaveEnded(): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND state <> 'idle'`;
  while ((await database.observer.query(sql)).rowCount! > 0) await settle();
}

const closed = (readable: Readable): Promise<void> =>
  new Promise((resolve) => void readable.once('close', resolve));

describe.each(['required', 'nested', 'apart'] as const)('a Readable by promise (%s)', (method) => {
  it('is one transaction until it is exhausted; then it is stored', async () => {
    const readable = await readers[method]('a');
    expect(await stored()).toEqual([]);
    const rows = await exhaust(readable);

    expect(rows).toHaveLength(301);
    expect(await stored()).toEqual(['a']);
  });

  it('is undone when it is destroyed before its end', async () => {
    const readable = await readers[method]('a');
    for await (const _row of readable) break;
    await allHaveEnded();

    expect(readable.destroyed).toBe(true);
    expect(await stored()).toEqual([]);
  });

  it.each([undefined, undo])('is undone when it is destroyed before it was ever read (%p)', async (error) => {
    const readable = await readers[method]('a');
    readable.on('error', () => undefined);
    readable.destroy(error);
    await closed(readable);
    await allHaveEnded();

    expect(await stored()).toEqual([]);
  });

  it('is undone when it errs; its reader gets what the server said', async () => {
    const readable = await readers[method]('a', FAILING);
    const failure = await failureOf(exhaust(readable));

    expect(failure.message).toContain('division by zero');
    await allHaveEnded();
    expect(await stored()).toEqual([]);
  });

  it('is undone when the pipeline that reads it fails', async () => {
    const readable = await readers[method]('a');
    const sink = async (source: AsyncIterable<unknown>): Promise<void> => {
      for await (const _row of source) throw undo;
    };

    expect(await failureOf(pipeline(readable, sink))).toBe(undo);
    await allHaveEnded();
    expect(await stored()).toEqual([]);
  });
});

describe('a Readable', () => {
  it('tells its reader, in place of the end, that the server could not commit', async () => {
    await database.observer.query(
      'ALTER TABLE note ADD CONSTRAINT later UNIQUE (likes) DEFERRABLE INITIALLY DEFERRED',
    );
    try {
      await exhaust(await readers.required('first'));
      const readable = await readers.required('second');
      let hasEnded = false;
      readable.on('end', () => (hasEnded = true));
      const failure = await failureOf(exhaust(readable));

      expect(failure).toMatchObject({ driverError: { code: '23505' } });
      expect(hasEnded).toBe(false);
      expect(await stored()).toEqual(['first']);
    } finally {
      await database.observer.query('ALTER TABLE note DROP CONSTRAINT later');
    }
  });

  it('is interrupted by the deadline: its reader is told', async () => {
    const readable = await readers.transactions.run({ timeoutMs: 200 }, () => readers.rows('a'));
    const failure = await failureOf(
      (async () => {
        for await (const _row of readable) await new Promise((resume) => setTimeout(resume, 5));
      })(),
    );

    expect(failure).toMatchObject({ code: 'TRANSACTION_TIMEOUT' });
    await allHaveEnded();
    expect(await stored()).toEqual([]);
  });

  it('leaves its connection to others at its end', async () => {
    for (let round = 0; round < 15; round++) {
      const readable = await readers.required(`${round}`);
      if (round % 3 === 0) await exhaust(readable);
      else if (round % 3 === 1) readable.destroy();
      else for await (const _row of readable) break;
    }
    await allHaveEnded();

    expect(await stored()).toEqual(['0', '12', '3', '6', '9']);
  });
});
