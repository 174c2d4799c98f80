import type { Readable } from 'node:stream';
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

const run = <T>(work: () => Promise<T>): Promise<T> => readers.transactions.run(work);

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

describe('a Readable that is returned at once', () => {
  it('is one transaction until it is exhausted', async () => {
    const ids = await exhaust(readers.direct('a', 'b'));

    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^tx-/);
    expect(await stored()).toEqual(['a', 'b']);
  });

  it('is undone when it errs, and when it is destroyed', async () => {
    expect(await failureOf(exhaust(readers.direct('a', 'fail')))).toBe(undo);
    for await (const _id of readers.direct('b', ...Array.from({ length: 40 }, (_, n) => `b${n}`))) break;
    await allHaveEnded();

    expect(await stored()).toEqual([]);
  });

  it('writes nothing when it is never read, or destroyed before', async () => {
    readers.direct('a');
    const destroyed = readers.direct('b');
    destroyed.destroy();
    await closed(destroyed);

    expect(await stored()).toEqual([]);
  });

  it('joins the transaction in which it is read', async () => {
    const work = run(async () => {
      const [id] = await exhaust(readers.direct('a'));
      expect(id).toBe(readers.transactions.current!.id);
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await stored()).toEqual([]);
  });
});

describe('a Readable inside a transaction', () => {
  it.each(['required', 'nested', 'supports'] as const)(
    'is stored and undone with it (%s)',
    async (method) => {
      await run(async () => expect(await exhaust(await readers[method]('kept'))).toHaveLength(301));
      const work = run(async () => {
        await exhaust(await readers[method]('undone'));
        throw undo;
      });

      expect(await failureOf(work)).toBe(undo);
      expect(await stored()).toEqual(['kept']);
    },
  );

  it('undoes only its savepoint where it is NESTED and errs, or is left before its end', async () => {
    await run(async () => {
      await readers.notes.insert({ text: 'outer' });
      expect(await failureOf(exhaust(readers.directNested('a', 'fail')))).toBe(undo);
      const left = readers.directNested('b', ...Array.from({ length: 40 }, (_, n) => `b${n}`));
      for await (const _id of left) break;
      await readers.notes.insert({ text: 'outer again' });
    });

    expect(await stored()).toEqual(['outer', 'outer again']);
  });

  it('of the server that errs in a NESTED call leaves the outer transaction whole', async () => {
    await run(async () => {
      await readers.notes.insert({ text: 'outer' });
      const failure = await failureOf(exhaust(await readers.nested('a', FAILING)));
      expect(failure.message).toContain('division by zero');
      await readers.notes.insert({ text: 'outer again' });
    });

    expect(await stored()).toEqual(['outer', 'outer again']);
  });

  it('runs without one where it is SUPPORTS and none surrounds it', async () => {
    expect(await exhaust(await readers.supports('a'))).toHaveLength(301);
    expect(await stored()).toEqual(['a']);
  });

  it('that is read on after the end is refused', async () => {
    const { readable } = await run(async () => ({ readable: await readers.required('a') }));
    const failure = await failureOf(exhaust(readable));

    expect(failure).toMatchObject({ code: 'TRANSACTION_ENDED' });
  });
});
