import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  afterCommit,
  type TransactionalModuleOptions,
  TransactionalModule,
  TransactionManager,
  type TransactionLog,
  type TransactionOptions,
  type TransactionTrace,
} from '@nest-transactional/core';
import { SkippingClock } from '../support/held-clock.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

const undo = new Error('undo');
const MOMENTS = ['begin', 'savepoint', 'commit', 'rollback', 'retry', 'end'] as const;

let database: EnlistedDatabase;
let clock: SkippingClock;
let lines: string[];
let traced: [string, TransactionTrace][];
const listeners = MOMENTS.map((moment) => ({
  channel: `nest-transactional.${moment}`,
  hear: (message: unknown) => void traced.push([moment, message as TransactionTrace]),
}));

beforeAll(async () => {
  clock = new SkippingClock((ms) => ms < 500);
  const log: TransactionLog = {
    error: (message) => lines.push(`error: ${message}`),
    info: (message, { transaction, requestId }) => lines.push(`[${requestId}] ${transaction}: ${message}`),
  };
  database = await EnlistedDatabase.open({}, { clock, random: () => 0.5, logging: true, log });
  for (const { channel, hear } of listeners) subscribe(channel, hear);
});
beforeEach(async () => {
  lines = [];
  traced = [];
  await database.empty();
});
afterAll(async () => {
  for (const { channel, hear } of listeners) unsubscribe(channel, hear);
  await database.close();
});

const call = <T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T> =>
  database.transactions.run(options, work);
const inRequest = <T>(work: () => T): T => database.transactions.withContext(work, { requestId: 'req-1' });
const moments = (): string[] => traced.map(([moment]) => moment);
const conflict = (): Promise<unknown> =>
  database.transactions
    .entityManager()
    .query(`DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '40001'; END $$`);

describe('the diagnostics channels', () => {
  it('tell the moments of a transaction that commits, with its facts', async () => {
    await inRequest(() =>
      call({ label: 'billing' }, async () => {
        await database.write('a');
        await call({ propagation: 'NESTED' }, () => database.write('b'));
      }),
    );

    expect(moments()).toEqual(['begin', 'savepoint', 'commit', 'end']);
    const [, begin] = traced[0]!;
    const [, end] = traced[3]!;
    expect(begin).toMatchObject({ label: 'billing', requestId: 'req-1', attempt: 1 });
    expect(end).toMatchObject({ id: begin.id, label: 'billing', statements: 2, outcome: 'committed' });
    expect(new Set(traced.map(([, { id }]) => id)).size).toBe(1);
  });

  it('tell of a rollback', async () => {
    await failureOf(call({}, () => database.write('a').then(() => Promise.reject(undo))));

    expect(moments()).toEqual(['begin', 'rollback', 'end']);
    expect(traced.at(-1)![1]).toMatchObject({ outcome: 'rolled-back', statements: 1 });
  });

  it('tell of each attempt, and of what failed', async () => {
    await call({ retry: 2 }, async () => {
      if (database.transactions.current!.attempt < 3) await conflict();
    });

    const failed = ['begin', 'rollback', 'end', 'retry'];
    expect(moments()).toEqual([...failed, ...failed, 'commit', 'end']);
    const retries = traced.filter(([moment]) => moment === 'retry').map(([, trace]) => trace);
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect(retries[0]!.error).toMatchObject({ driverError: { code: '40001' } });
    expect(traced.at(-1)![1]).toMatchObject({ attempt: 3, outcome: 'committed', statements: 0 });
  });

  it('tell of the inner transaction by itself', async () => {
    await call({ label: 'outer' }, async () => {
      await database.write('a');
      await call({ propagation: 'REQUIRES_NEW', label: 'inner' }, () => database.write('b'));
    });

    expect(traced.map(([moment, { label }]) => `${label}: ${moment}`)).toEqual([
      'outer: begin',
      'inner: begin',
      'inner: commit',
      'inner: end',
      'outer: commit',
      'outer: end',
    ]);
  });

  it('tell how long it took, and count rows that are streamed as one statement', async () => {
    await call({}, async () => {
      const rows = await database.dataSource.getRepository(Note).createQueryBuilder().stream();
      for await (const _row of rows) expect(_row).toBeDefined();
      await new Promise<void>((resume) => void clock.after(40, resume));
    });

    expect(traced.at(-1)![1]).toMatchObject({ statements: 1, durationMs: 40 });
  });
});

describe('the log, where it is asked for', () => {
  it('has one line for each transaction: request, label, outcome, duration, statements, attempt', async () => {
    await inRequest(() => call({ label: 'billing' }, () => database.write('a')));
    await failureOf(call({ label: 'undone' }, () => database.write('b').then(() => Promise.reject(undo))));

    expect(lines).toEqual([
      expect.stringMatching(
        /^\[req-1] tx-\d+ \(billing\): committed in [\d.]+ ms, 1 statements?, attempt 1$/,
      ),
      expect.stringMatching(
        /^\[undefined] tx-\d+ \(undone\): rolled-back in [\d.]+ ms, 1 statements?, attempt 1$/,
      ),
    ]);
  });

  it('has one for each attempt', async () => {
    await call({ retry: 1 }, async () => {
      if (database.transactions.current!.attempt === 1) await conflict();
    });

    expect(lines.map((line) => line.replace(/ in .*(?=attempt)/, ' at '))).toEqual([
      expect.stringContaining('rolled-back at attempt 1'),
      expect.stringContaining('committed at attempt 2'),
    ]);
  });

  it('goes through the application’s own logger in Nest, and only there where it is asked for', async () => {
    const said = async (options: TransactionalModuleOptions): Promise<string[]> => {
      const application = await startApplication({ transactional: [TransactionalModule.forRoot(options)] });
      const heard: string[] = [];
      application.useLogger({ log: (line: string) => heard.push(line), error: () => 0, warn: () => 0 });
      const transactions = application.get(TransactionManager);
      await transactions.run({ label: 'billing' }, (em) => em.query('SELECT 1'));
      await application.close();
      return heard.filter((line) => line.includes('billing'));
    };

    expect(await said({ logging: true })).toEqual([expect.stringContaining('committed in')]);
    expect(await said({})).toEqual([]);
  });
});

describe('an error names the request it belongs to', () => {
  const billing = { label: 'billing' };

  it.each<[string, () => Promise<unknown>]>([
    [
      'UNEXPECTED_ROLLBACK',
      () => call(billing, async () => database.transactions.current!.setRollbackOnly()),
    ],
    ['RETRIES_EXHAUSTED', () => call({ ...billing, retry: 1 }, conflict)],
    ['PROPAGATION', () => call({ propagation: 'MANDATORY' }, () => undefined)],
    ['INCOMPATIBLE_OPTIONS', () => call({}, () => call({ isolation: 'SERIALIZABLE' }, () => undefined))],
    ['AFTER_COMMIT', () => call(billing, () => afterCommit(() => Promise.reject(undo)))],
    ['TRANSACTION_CONTROL', () => call(billing, () => database.dataSource.query('COMMIT'))],
  ])('%s', async (code, work) => {
    expect(await failureOf(inRequest(work))).toMatchObject({ code, requestId: 'req-1' });
  });
});
