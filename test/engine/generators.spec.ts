import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { afterCommit, Transactional, TransactionManager } from '@nest-transactional/core';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

const undo = new Error('undo');
let order: unknown[] = [];

@Injectable()
class Writers {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  /** Yields the id of the transaction in which each text is written; fails at the text `fail`. */
  async *write(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    order.push('started');
    try {
      for (const text of texts) {
        if (text === 'fail') throw undo;
        await this.notes.insert({ text });
        yield this.transactions.current?.id;
      }
      return texts.length;
    } finally {
      order.push('finally');
    }
  }

  @Transactional()
  async *required(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'NESTED' })
  async *nested(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async *apart(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'SUPPORTS' })
  async *supports(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'MANDATORY' })
  async *mandatory(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional()
  returned(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return this.required(...texts);
  }

  @Transactional()
  async *hooked(): AsyncGenerator<void> {
    afterCommit(() => order.push('hook'));
    yield;
  }

  @Transactional()
  async *echo(): AsyncGenerator<unknown, void, unknown> {
    let heard: unknown;
    for (;;) heard = yield heard;
  }

  @Transactional()
  async *conflicting(): AsyncGenerator<string | undefined> {
    yield* this.write('b');
    await this.notes.query(`DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '40001'; END $$`);
  }

  @Transactional({ retry: 3 })
  async *retried(): AsyncGenerator<string | undefined> {
    yield* this.conflicting();
  }
}

let database: EnlistedDatabase;
let application: INestApplication;
let writers: Writers;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: [Writers] });
  writers = application.get(Writers);
});
beforeEach(async () => {
  order = [];
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

const notes = (): Promise<string[]> => database.notes();
const run = <T>(work: () => Promise<T>): Promise<T> => writers.transactions.run(work);

/** Everything that the generator yields. */
async function exhaust<T>(generator: AsyncGenerator<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of generator) all.push(each);
  return all;
}

describe('an async generator with a transaction of its own', () => {
  it.each(['required', 'nested', 'apart', 'returned'] as const)(
    'is one transaction until it is exhausted; then, and not before, it is stored (%s)',
    async (method) => {
      const generator = writers[method]('a', 'b');
      const first = await generator.next();
      expect(await notes()).toEqual([]);
      const second = await generator.next();
      expect(second.value).toBe(first.value);
      expect(await generator.next()).toEqual({ done: true, value: 2 });

      expect(first.value).toMatch(/^tx-/);
      expect(await notes()).toEqual(['a', 'b']);
    },
  );

  it('is stored when it is returned from in the middle, with what was done until then', async () => {
    for await (const _id of writers.required('a', 'b', 'c')) break;

    expect(order).toEqual(['started', 'finally']);
    expect(await notes()).toEqual(['a']);
  });

  it('is undone when it throws; its reader gets the error, and the end from then on', async () => {
    const generator = writers.required('a', 'fail', 'b');
    await generator.next();

    expect(await failureOf(generator.next())).toBe(undo);
    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(await notes()).toEqual([]);
  });

  it('is undone when an error is thrown into it, and stored when it catches that', async () => {
    const generator = writers.required('a', 'b');
    await generator.next();

    expect(await failureOf(generator.throw(undo))).toBe(undo);
    expect(order).toEqual(['started', 'finally']);
    expect(await notes()).toEqual([]);
  });

  it('is stored when the loop that reads it throws: JavaScript merely returns from it', async () => {
    const loop = async (): Promise<void> => {
      for await (const _id of writers.required('a', 'b')) throw undo;
    };

    expect(await failureOf(loop())).toBe(undo);
    expect(await notes()).toEqual(['a']);
  });

  it('does nothing when it is never started, not even when it is returned from', async () => {
    writers.required('a');
    const returned = writers.required('b');

    expect(await returned.return(7)).toEqual({ done: true, value: 7 });
    expect(await returned.next()).toEqual({ done: true, value: undefined });
    expect(order).toEqual([]);
    expect(await notes()).toEqual([]);
  });

  it('that an error is thrown into before its start never runs', async () => {
    const generator = writers.required('a');

    expect(await failureOf(generator.throw(undo))).toBe(undo);
    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(order).toEqual([]);
  });

  it('tells its reader when the server could not commit', async () => {
    const generator = writers.required('a');
    const { value: id } = await generator.next();
    await database.observer.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() ` +
        `AND state = 'idle in transaction'`,
    );
    const failure = await failureOf(generator.next());

    expect(id).toBeDefined();
    expect(failure).toBeInstanceOf(Error);
    expect(await notes()).toEqual([]);
  });

  it('may be asked for several values at once', async () => {
    const generator = writers.required('a', 'b');
    const steps = await Promise.all([generator.next(), generator.next(), generator.next(), generator.next()]);

    expect(steps.map(({ done }) => done)).toEqual([false, false, true, true]);
    expect(await notes()).toEqual(['a', 'b']);
  });

  it('gets what is sent into it', async () => {
    const generator = writers.echo();
    await generator.next();
    expect(await generator.next('one')).toEqual({ done: false, value: 'one' });
    expect(await generator.return()).toEqual({ done: true, value: undefined });
  });

  it('is still an async generator to whoever looks at it', () => {
    const generator = writers.required();

    expect(Object.prototype.toString.call(generator)).toBe('[object AsyncGenerator]');
    expect(generator[Symbol.asyncIterator]()).toBe(generator);
  });

  it('is not tried again, for its reader has seen what it yielded', async () => {
    const failure = await failureOf(exhaust(writers.retried()));

    expect(failure).toMatchObject({ driverError: { code: '40001' } });
    expect(order).toEqual(['started', 'finally']);
  });

  it('runs its hooks at its end', async () => {
    const generator = writers.hooked();
    await generator.next();
    expect(order).toEqual([]);
    await generator.next();

    expect(order).toEqual(['hook']);
  });

  it('does not lend its transaction to the loop that reads it', async () => {
    for await (const _id of writers.required('a')) {
      expect(writers.transactions.current).toBeUndefined();
      await writers.notes.insert({ text: 'by the reader' });
      expect(await notes()).toEqual(['by the reader']);
    }

    expect(await notes()).toEqual(['a', 'by the reader']);
  });
});

describe('an async generator inside a transaction', () => {
  it.each([
    ['required', true],
    ['supports', true],
    ['mandatory', true],
    ['nested', true],
    ['apart', false],
  ] as const)('%s: is the same transaction: %s', async (method, isSame) => {
    const ids = await run(async () => [writers.transactions.current!.id, ...(await exhaust(writers[method]('a')))]);

    expect(new Set(ids).size).toBe(isSame ? 1 : 2);
    expect(await notes()).toEqual(['a']);
  });

  it.each([
    ['required', []],
    ['nested', ['outer']],
    ['apart', ['outer']],
  ] as const)('%s: leaves of a failure that its reader catches: %j', async (method, left) => {
    const work = run(async () => {
      await writers.notes.insert({ text: 'outer' });
      await failureOf(exhaust(writers[method]('a', 'fail')));
    });

    if (left.length > 0) await work;
    else expect(await failureOf(work)).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', cause: undo });
    expect(await notes()).toEqual(left);
  });

  it('that is read on after the end is refused, and writes nothing', async () => {
    const { generator } = await run(async () => {
      const started = writers.required('a', 'b');
      await started.next();
      return { generator: started };
    });

    expect(await failureOf(generator.next())).toMatchObject({ code: 'TRANSACTION_ENDED' });
    expect(await notes()).toEqual(['a']);
  });

  it('does not keep the transaction that it joins from being tried again', async () => {
    const attempts: number[] = [];
    await writers.transactions.run({ retry: 2 }, async () => {
      attempts.push(writers.transactions.current!.attempt);
      await exhaust(writers.required('a'));
      if (attempts.length < 2) await exhaust(writers.conflicting());
    });

    expect(attempts).toEqual([1, 2]);
    expect(await notes()).toEqual(['a']);
  });

  it('that is started only after the end has a transaction of its own', async () => {
    const { generator } = await run(async () => ({ generator: writers.required('a') }));
    await exhaust(generator);

    expect(await notes()).toEqual(['a']);
  });
});

describe('an async generator that may not run', () => {
  it('is refused at its first step: MANDATORY outside of a transaction', async () => {
    const generator = writers.mandatory('a');

    expect(await failureOf(generator.next())).toMatchObject({ code: 'PROPAGATION' });
    expect(await generator.next()).toEqual({ done: true, value: undefined });
    expect(order).toEqual([]);
  });

  it('runs without a transaction where it is SUPPORTS', async () => {
    expect(await exhaust(writers.supports('a'))).toEqual([undefined]);
    expect(await failureOf(exhaust(writers.supports('b', 'fail')))).toBe(undo);
    expect(await notes()).toEqual(['a', 'b']);
  });
});
