import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Transactional, TransactionManager } from '@nest-transactional/core';
import { settle } from '../support/gate.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

const undo = new Error('undo');
const FAILING = '12 / (50 - likes)';

@Injectable()
class Readers {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  /** Writes a note and streams all of them by a cursor. */
  async rows(text: string, expression = 'likes'): Promise<Readable> {
    await this.notes.insert({ text });
    const rows = this.notes.createQueryBuilder('note').select(expression, 'value').orderBy('id', 'ASC').stream();
    return (await rows) as Readable;
  }

  @Transactional()
  async required(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  @Transactional({ propagation: 'NESTED' })
  async nested(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async apart(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  @Transactional({ propagation: 'SUPPORTS' })
  async supports(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  /** Returned at once; writes each text when it is read, and fails at the text `fail`. */
  @Transactional()
  direct(...texts: string[]): Readable {
    return Readable.from(this.write(texts));
  }

  @Transactional({ propagation: 'NESTED' })
  directNested(...texts: string[]): Readable {
    return Readable.from(this.write(texts));
  }

  private async *write(texts: string[]): AsyncGenerator<string | undefined> {
    for (const text of texts) {
      if (text === 'fail') throw undo;
      await this.notes.insert({ text });
      yield this.transactions.current?.id ?? 'none';
    }
  }
}

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
  await database.observer.query(`INSERT INTO note (text, likes) SELECT 'seed ' || n, n FROM generate_series(1, 300) n`);
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

async function exhaust(readable: Readable): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const each of readable) all.push(each);
  return all;
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
  it.each(['required', 'nested', 'supports'] as const)('is stored and undone with it (%s)', async (method) => {
    await run(async () => expect(await exhaust(await readers[method]('kept'))).toHaveLength(301));
    const work = run(async () => {
      await exhaust(await readers[method]('undone'));
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await stored()).toEqual(['kept']);
  });

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
