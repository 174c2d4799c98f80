import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplicationContext } from '@nestjs/common';
import { Cron, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { Transactional, TransactionManager } from '@nest-transactional/core';
import { compileApplication, ErrorLog } from './application.js';
import { DiaryDatabase, REFUSED_BY_COMMIT } from './diary-database.js';
import { Diary, type Page } from './diary.js';
import { Inbox } from './inbox.js';

/** So seldom that only the tests let it strike. */
const NEW_YEAR = '0 0 1 1 *';

@Injectable()
class DiaryJobs {
  /** What is written at the next tick. */
  texts: string[] = [];
  readonly written = new Inbox<Page>();

  constructor(
    private readonly diary: Diary,
    private readonly transactions: TransactionManager,
  ) {}

  @Cron(NEW_YEAR, { name: 'write', waitForCompletion: true })
  async write(): Promise<void> {
    this.written.put(await this.diary.write(this.texts.shift()!));
  }

  @Cron(NEW_YEAR, { name: 'write at once' })
  async writeAtOnce(): Promise<void> {
    await this.write();
  }

  @Cron(NEW_YEAR, { name: 'named', waitForCompletion: true })
  async named(): Promise<void> {
    await this.transactions.withContext(() => this.write(), { requestId: 'new-year' });
  }

  @Cron(NEW_YEAR, { name: 'above', waitForCompletion: true })
  @Transactional()
  async above(): Promise<void> {
    await this.write();
    throw new Error('no more pages');
  }

  @Transactional()
  @Cron(NEW_YEAR, { name: 'below', waitForCompletion: true })
  async below(): Promise<void> {
    await this.above();
  }
}

const log = new ErrorLog();
let database: DiaryDatabase;

beforeAll(async () => {
  database = await DiaryDatabase.open();
});
beforeEach(async () => {
  log.clear();
  await database.empty();
});
afterAll(() => database.close());

describe('a cron job', () => {
  let application: INestApplicationContext;
  let diary: Diary;
  let jobs: DiaryJobs;

  beforeAll(async () => {
    const imports = [ScheduleModule.forRoot()];
    const module = await compileApplication({ database, log, imports, providers: [DiaryJobs] });
    application = await module.init();
    [diary, jobs] = [application.get(Diary), application.get(DiaryJobs)];
  });
  beforeEach(() => {
    diary.forget();
    jobs.written.clear();
    jobs.texts = ['a', 'b'];
  });
  afterAll(() => application.close());

  const strike = (job: string): Promise<void> =>
    application.get(SchedulerRegistry).getCronJob(job).fireOnTick();

  it('is over when its transaction is committed and its hooks have run', async () => {
    await strike('write');

    expect(jobs.written.rest).toMatchObject([{ text: 'a', visible: ['a'] }]);
    expect(diary.seenByHooks.get('a')).toEqual(['a']);
    expect(await database.notes()).toEqual(['a']);
  });

  it.each(['above', 'below'])(
    'that fails is rolled back and logged, the decorator %s; the next tick is as good as ever',
    async (job) => {
      await strike(job);
      await strike('write');

      expect(log.lines).toEqual(['Error: no more pages']);
      expect(diary.seenByHooks.has('a')).toBe(false);
      expect(await database.notes()).toEqual(['b']);
    },
  );

  it('whose COMMIT fails is logged, and runs no hook', async () => {
    jobs.texts = [REFUSED_BY_COMMIT];
    await strike('write');

    expect(log.lines.join('\n')).toContain('the diary is closed');
    expect(diary.seenByHooks.size).toBe(0);
  });

  it('that strikes again while it still runs never sees the transaction of the tick before', async () => {
    diary.overlap(2);
    await Promise.all([strike('write at once'), strike('write at once')]);
    const pages = await jobs.written.takeFew(2);

    for (const { text, visible } of pages) expect(visible).toEqual([text]);
    expect(new Set(pages.map(({ transaction }) => transaction)).size).toBe(2);
  });

  it('has no name of its own, since no interceptor surrounds it', async () => {
    await strike('write');

    expect(jobs.written.rest).toMatchObject([{ requestId: null }]);
  });

  it('is named by the context that it opens', async () => {
    await strike('named');

    expect(jobs.written.rest).toMatchObject([{ requestId: 'new-year' }]);
  });
});

describe('timeouts and intervals', () => {
  @Injectable()
  class Ticks {
    readonly written = new Inbox<Page>();

    constructor(
      private readonly diary: Diary,
      private readonly registry: SchedulerRegistry,
    ) {}

    @Timeout(0)
    async afterwards(): Promise<void> {
      this.written.put(await this.diary.write('timeout'));
    }

    @Interval('again', 1)
    async again(): Promise<void> {
      this.registry.deleteInterval('again');
      this.written.put(await this.diary.write('interval'));
    }
  }

  it('begin transactions of their own, too', async () => {
    const imports = [ScheduleModule.forRoot()];
    const module = await compileApplication({ database, log, imports, providers: [Ticks] });
    module.get(Diary).overlap(2);
    await module.init();
    const pages = await module.get(Ticks).written.takeFew(2);
    await module.close();

    for (const { text, visible } of pages) expect(visible).toEqual([text]);
    expect(new Set(pages.map(({ transaction }) => transaction)).size).toBe(2);
  });
});
