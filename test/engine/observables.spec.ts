import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { concatMap, firstValueFrom, from, lastValueFrom, NEVER, Observable, of, take, toArray } from 'rxjs';
import type { Repository } from 'typeorm';
import { afterCommit, Transactional, TransactionManager } from '@nest-transactional/core';
import { gate, settle } from '../support/gate.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

const undo = new Error('undo');
let calls = 0;

@Injectable()
class Writers {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  /** Emits the id of the transaction in which each text is written; fails at the text `fail`. */
  write(texts: string[]): Observable<string | undefined> {
    calls++;
    return from(texts).pipe(
      concatMap(async (text) => {
        if (text === 'fail') throw undo;
        await this.notes.insert({ text });
        return this.transactions.current?.id;
      }),
    );
  }

  @Transactional()
  annotated(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional()
  inferred(...texts: string[]) {
    return this.write(texts);
  }

  @Transactional({ propagation: 'NESTED' })
  nested(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  apart(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional({ propagation: 'SUPPORTS' })
  supports(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional({ propagation: 'MANDATORY' })
  mandatory(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional()
  endless(text: string): Observable<unknown> {
    return new Observable((subscriber) => {
      const subscription = this.write([text]).subscribe((value) => subscriber.next(value));
      subscription.add(NEVER.subscribe(subscriber));
      return subscription;
    });
  }

  @Transactional()
  throwing(): Observable<unknown> {
    throw undo;
  }

  @Transactional()
  hooked(heard: unknown[]): Observable<unknown> {
    afterCommit(() => heard.push('hook'));
    return of('value');
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
  calls = 0;
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

const notes = (): Promise<string[]> => database.notes();
const all = <T>(observable: Observable<T>): Promise<T[]> => firstValueFrom(observable.pipe(toArray()));
const run = <T>(work: () => Promise<T>): Promise<T> => writers.transactions.run(work);

/** Resolves when no connection holds a transaction any more. */
async function allHaveEnded(): Promise<void> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`;
  while ((await database.observer.query(sql)).rowCount! > 0) await settle();
}

describe.each(['annotated', 'inferred'] as const)('an Observable (%s)', (method) => {
  it('is one transaction until it completes; by then it is stored', async () => {
    const ids = await all(writers[method]('a', 'b'));

    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^tx-/);
    expect(await notes()).toEqual(['a', 'b']);
  });

  it('is undone when it errs; its subscriber gets the error', async () => {
    expect(await failureOf(all(writers[method]('a', 'fail')))).toBe(undo);
    expect(await notes()).toEqual([]);
  });

  it('gives its last value only with what COMMIT said', async () => {
    const seen: string[][] = [];
    await new Promise<void>((complete, error) => {
      const next = (): void => void notes().then((texts) => seen.push(texts));
      writers[method]('a').subscribe({ next, complete, error });
    });
    await settle();
    await notes();

    expect(seen).toEqual([['a']]);
  });

  it.each<[string, (observable: Observable<unknown>) => Promise<unknown>]>([
    ['firstValueFrom()', firstValueFrom],
    ['lastValueFrom()', lastValueFrom],
    ['take(1)', (observable) => lastValueFrom(observable.pipe(take(1)))],
  ])('of one value is stored when %s has it', async (_name, read) => {
    await read(writers[method]('a'));

    expect(await notes()).toEqual(['a']);
  });

  it('that is left before its end is undone', async () => {
    await firstValueFrom(writers[method]('a', 'b', 'c'));
    await allHaveEnded();

    expect(await notes()).toEqual([]);
  });

  it('gives each further subscriber a transaction of its own', async () => {
    const observable = writers[method]('a');
    const [first] = await all(observable);
    await database.empty();
    const [second] = await all(observable);

    expect(second).not.toBe(first);
    expect(await notes()).toEqual(['a']);
    expect(calls).toBe(2);
  });

  it('runs in parallel for two subscribers, each in its own transaction', async () => {
    const observable = writers[method]('a');
    const results = await Promise.allSettled([all(observable), all(observable)]);

    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await notes()).toEqual(['a']);
  });

  it('joins the transaction in which it is called and read', async () => {
    const work = run(async () => {
      const [id] = await all(writers[method]('a'));
      expect(id).toBe(writers.transactions.current!.id);
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await notes()).toEqual([]);
  });

  it('that is never subscribed to writes nothing, and holds nothing back at shutdown', async () => {
    const other = await startApplication({ providers: [Writers] });
    other.get(Writers)[method]('a');
    await other.close();

    expect(await notes()).toEqual([]);
  });
});

describe('an Observable', () => {
  it('that is annotated does nothing before it is subscribed to', async () => {
    writers.annotated('a');
    await settle();

    expect(calls).toBe(0);
  });

  it('that never ends is undone when it is unsubscribed from', async () => {
    const first = gate<unknown>();
    const subscription = writers.endless('a').subscribe({ error: first.fail });
    const isWritten = async (): Promise<boolean> => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query ILIKE 'insert%'`;
      return (await database.observer.query(sql)).rowCount! > 0;
    };
    while (!(await isWritten())) await settle();
    subscription.unsubscribe();
    await allHaveEnded();

    expect(await notes()).toEqual([]);
  });

  it('of a method that throws is an error notification', async () => {
    expect(await failureOf(all(writers.throwing()))).toBe(undo);
  });

  it('runs its hooks before it completes', async () => {
    const heard: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      const complete = (): void => {
        heard.push('completed');
        resolve();
      };
      writers.hooked(heard).subscribe({ complete, error: reject });
    });

    expect(heard).toEqual(['hook', 'completed']);
  });

  it('is refused by an error notification: MANDATORY outside of a transaction', async () => {
    expect(await failureOf(all(writers.mandatory('a')))).toMatchObject({ code: 'PROPAGATION' });
    expect(calls).toBe(0);
  });

  it('tells when the server could not commit, in place of the last value', async () => {
    const deferred = writers.annotated('a').pipe(
      concatMap(async (value) => {
        await Promise.resolve();
        return value;
      }),
    );
    const seen: unknown[] = [];
    await run(() =>
      writers.notes.query(
        `ALTER TABLE note ADD CONSTRAINT later UNIQUE (likes) DEFERRABLE INITIALLY DEFERRED`,
      ),
    );
    try {
      await all(writers.annotated('first'));
      const failure = await failureOf(
        new Promise((resolve, reject) => {
          deferred.subscribe({ next: (value) => seen.push(value), complete: () => resolve(1), error: reject });
        }),
      );
      expect(failure).toMatchObject({ driverError: { code: '23505' } });
    } finally {
      await database.observer.query('ALTER TABLE note DROP CONSTRAINT later');
    }
    expect(seen).toEqual([]);
  });
});

describe('an Observable inside a transaction', () => {
  it.each([
    ['annotated', []],
    ['inferred', []],
    ['nested', ['outer']],
    ['apart', ['outer']],
  ] as const)('%s: leaves of a failure that its reader catches: %j', async (method, left) => {
    const work = run(async () => {
      await writers.notes.insert({ text: 'outer' });
      expect(await failureOf(all(writers[method]('a', 'fail')))).toBe(undo);
    });

    if (left.length > 0) await work;
    else expect(await failureOf(work)).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', cause: undo });
    expect(await notes()).toEqual(left);
  });

  it('that is left before its end undoes only its savepoint where it is NESTED', async () => {
    await run(async () => {
      await writers.notes.insert({ text: 'outer' });
      await firstValueFrom(writers.nested('a', 'b', 'c'));
    });

    expect(await notes()).toEqual(['outer']);
  });

  it('of SUPPORTS joins, or runs without one', async () => {
    expect(await all(writers.supports('a'))).toEqual([undefined]);
    await run(async () => {
      expect(await all(writers.supports('b'))).toEqual([writers.transactions.current!.id]);
    });

    expect(await notes()).toEqual(['a', 'b']);
  });
});
