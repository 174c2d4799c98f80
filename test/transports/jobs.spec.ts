import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { TestingModule } from '@nestjs/testing';
import { afterCommit, outsideTransaction, Transactional, TransactionManager } from '@nest-transactional/core';
import { failureOf } from '../transactions/enlisted-database.js';
import { gate, watched } from '../support/gate.js';
import { compileApplication, ErrorLog } from './application.js';
import { DiaryDatabase } from './diary-database.js';
import { Diary, type Page } from './diary.js';

interface Job {
  readonly id: string;
  readonly text: string;
}

/** A queue in memory: its worker is woken by whoever puts a job into it. */
@Injectable()
class DiaryQueue {
  readonly #results = new Map<string, Promise<Page>>();

  constructor(
    private readonly diary: Diary,
    private readonly transactions: TransactionManager,
  ) {}

  put(job: Job): void {
    const taken = gate<Page>();
    this.#results.set(job.id, taken.opened);
    outsideTransaction(() => setImmediate(() => void this.#take(job).then(taken.open, taken.fail)));
  }

  /** Resolves when the job is done. */
  async resultOf(id: string): Promise<Page> {
    return await this.#results.get(id)!;
  }

  has(id: string): boolean {
    return this.#results.has(id);
  }

  #take({ id, text }: Job): Promise<Page> {
    return this.transactions.withContext(
      () => (text === 'spoilt' ? this.diary.spoil(text) : this.diary.write(text)),
      { requestId: id },
    );
  }
}

@Injectable()
class Author {
  constructor(
    private readonly diary: Diary,
    private readonly queue: DiaryQueue,
  ) {}

  /** Its job is done at once, while the transaction is open. */
  @Transactional()
  async writeBeside(text: string): Promise<Page> {
    this.queue.put({ id: 'beside', text: `beside ${text}` });
    await this.queue.resultOf('beside');
    return await this.diary.write(text);
  }

  @Transactional()
  async writeThen(text: string): Promise<void> {
    afterCommit(() => this.queue.put({ id: 'then', text: `after ${text}` }));
    await this.diary.write(text);
  }

  @Transactional()
  async failThen(text: string): Promise<void> {
    afterCommit(() => this.queue.put({ id: 'never', text: `after ${text}` }));
    await this.diary.spoil(text);
  }
}

const log = new ErrorLog();
let database: DiaryDatabase;
let module: TestingModule;
let diary: Diary;
let queue: DiaryQueue;
let author: Author;

beforeAll(async () => {
  database = await DiaryDatabase.open();
  module = await compileApplication({ database, log, providers: [DiaryQueue, Author] });
  await module.init();
  [diary, queue, author] = [module.get(Diary), module.get(DiaryQueue), module.get(Author)];
});
beforeEach(async () => {
  diary.forget();
  await database.empty();
});
afterAll(async () => {
  await module.close();
  await database.close();
});

describe('a job in a context of its own', () => {
  it('carries its own name, and never sees the transaction of another', async () => {
    diary.overlap(3);
    const ids = ['a', 'b', 'c'];
    for (const id of ids) queue.put({ id: `job-${id}`, text: id });
    const pages = await Promise.all(ids.map((id) => queue.resultOf(`job-${id}`)));

    expect(pages.map(({ visible }) => visible)).toEqual([['a'], ['b'], ['c']]);
    expect(pages.map(({ requestId }) => requestId)).toEqual(['job-a', 'job-b', 'job-c']);
    expect(new Set(pages.map(({ transaction }) => transaction)).size).toBe(3);
  });

  it('that fails is rolled back, and whoever awaits it gets the error', async () => {
    queue.put({ id: 'job-1', text: 'spoilt' });

    expect(await failureOf(watched(queue.resultOf('job-1')))).toMatchObject({ message: 'out of ink' });
    expect(await database.notes()).toEqual([]);
  });

  it('that a transaction puts there, outside of itself, has a transaction of its own', async () => {
    const { transaction, requestId } = await author.writeBeside('a');
    const beside = await queue.resultOf('beside');

    expect(beside).toMatchObject({ requestId: 'beside', visible: ['beside a'] });
    expect(requestId).toBeNull();
    expect(beside.transaction).not.toBe(transaction);
  });

  it('that is put there after COMMIT sees what was committed', async () => {
    await author.writeThen('a');

    expect((await queue.resultOf('then')).visible).toEqual(['a', 'after a']);
  });

  it('that was to be put there after COMMIT is not, where the transaction is rolled back', async () => {
    await failureOf(author.failThen('a'));

    expect(queue.has('never')).toBe(false);
  });
});
