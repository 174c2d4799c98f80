import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { itThoroughly } from '../support/thoroughness.js';
import * as fates from './fates.js';
import { fateOfRequest, type Fate } from './fates.js';
import { ATOMIC_POST, OPERATIONS, PUT } from './operations.js';
import { StrickenWarehouse, type Sent } from './stricken-warehouse.js';
import { HANG_MS, until } from './stricken-database.js';

const ALL = [...OPERATIONS, ATOMIC_POST];
const atomic = { mode: 'atomic' } as const;
let warehouse: StrickenWarehouse;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));
afterEach(() => expect(unhandled).toEqual([]));

const prepareAll = (): Promise<Sent[]> => Promise.all(ALL.map((operation) => warehouse.prepare(operation)));

/** What all of them come to, sent at the same time. */
async function fatesOf(all: readonly Sent[], ms = HANG_MS): Promise<Record<string, Fate>> {
  const answers = await Promise.all(all.map((sent) => warehouse.ask(sent, { ms })));
  warehouse.proxy.heal();
  const met: Record<string, Fate> = {};
  for (const [index, sent] of all.entries()) {
    met[sent.operation.name] = await fateOfRequest(warehouse, sent, answers[index]!);
  }
  return met;
}

async function expectAllWork(): Promise<void> {
  await warehouse.expectAtRest();
  for (const operation of ALL) await warehouse.expectWorks(operation);
}

const all = (fate: Fate): Record<string, Fate> => Object.fromEntries(ALL.map(({ name }) => [name, fate]));

describe('a request for which the pool has no connection', () => {
  beforeAll(async () => {
    const dataSource = { poolSize: 1, connectTimeoutMS: 150 };
    warehouse = await StrickenWarehouse.open({ transactional: { request: atomic }, dataSource });
  });
  afterAll(() => warehouse.close());

  it('is told to come again, and the one that has the connection is not touched', async () => {
    const greedy = await warehouse.prepare(ATOMIC_POST, 'slow');
    const refused: Record<string, Fate>[] = [];
    const answer = await warehouse.whileBlocked(
      () => warehouse.ask(greedy),
      async () => void refused.push(await fatesOf(await prepareAll())),
    );

    expect(refused).toEqual([all(fates.CANNOT_BEGIN)]);
    expect(await fateOfRequest(warehouse, greedy, answer)).toEqual([201, undefined, 'everything']);
    await expectAllWork();
  });
});

describe('a request with a time limit', () => {
  beforeAll(async () => {
    const transactional = { request: atomic, defaults: { timeoutMs: 800 } };
    warehouse = await StrickenWarehouse.open({ transactional, dataSource: { poolSize: 8 } });
  });
  afterAll(() => warehouse.close());

  it('whose statement gets no answer is told so, and is not stored', async () => {
    const sent = await prepareAll();
    const struck = sent.map(({ title }) => warehouse.proxy.strike(title, 'black-hole'));
    const met = await fatesOf(sent);
    await Promise.all(struck);

    expect(met).toEqual(all(fates.TIMED_OUT));
    await expectAllWork();
  });

  it('that waits at the server is told so, and is not stored', async () => {
    const slow = await Promise.all(ALL.map((operation) => warehouse.prepare(operation, 'slow')));
    const met: Record<string, Fate>[] = [];
    await warehouse.whileBlocked(
      async () => void met.push(await fatesOf(slow)),
      () => until(() => met.length > 0, 'all of them are answered'),
    );

    expect(met).toEqual([all(fates.TIMED_OUT)]);
    await expectAllWork();
  });

  it('whose conditions cannot be read in time is told so', async () => {
    const sent = await warehouse.prepare(PUT);
    const struck = warehouse.proxy.strike(sent.id, 'black-hole');
    const met = await fatesOf([sent]);
    await struck;

    expect(met).toEqual({ [PUT.name]: fates.TIMED_OUT });
    await expectAllWork();
  });

  itThoroughly(
    'is told so although nothing passes any more, and nobody can be asked what the conditions are',
    async () => {
      const sent = await prepareAll();
      for (const { title } of sent) {
        void warehouse.proxy.strike(title, 'black-hole').then(() => warehouse.proxy.goBlack());
      }
      const met = await fatesOf(sent, 2 * HANG_MS);

      expect(met).toEqual(all(fates.TIMED_OUT));
      await expectAllWork();
    },
    4 * HANG_MS,
  );
});
