import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../http/exchange.js';
import type { Fault } from '../support/fault-proxy.js';
import { gate, settle } from '../support/gate.js';
import { OwnServer } from '../support/own-server.js';
import { cases } from '../support/thoroughness.js';
import * as fates from './fates.js';
import { fateOfRequest, type Fate } from './fates.js';
import { ATOMIC_POST, IDEMPOTENT_PATCH, IDEMPOTENT_POST, OPERATIONS } from './operations.js';
import { StrickenWarehouse, type Sent } from './stricken-warehouse.js';

let warehouse: StrickenWarehouse;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));
afterEach(() => expect(unhandled).toEqual([]));

const STORED: Fate = [201, undefined, 'everything'];

/** As a client should: until the first request is known to have ended. */
async function repeat(sent: Sent): Promise<Answer> {
  for (;;) {
    const answer = await warehouse.ask(sent);
    if (answer.status !== 409) return answer;
    await settle();
  }
}

const isReplayed = ({ headers }: Answer): boolean => headers['idempotency-replayed'] === 'true';

describe.each([
  { platform: 'express', outcomeTracking: false },
  { platform: 'fastify', outcomeTracking: true },
] as const)('repeating a request with its key ($platform, outcome tracking: $outcomeTracking)', (setting) => {
  const { platform, outcomeTracking } = setting;

  beforeAll(async () => {
    warehouse = await StrickenWarehouse.open({ platform, transactional: { outcomeTracking } });
  });
  afterEach(() => warehouse.expectAtRest());
  afterAll(() => warehouse.close());

  it.each<[Fault, boolean]>([
    ['cut', false],
    ['cut-answer', true],
  ])('after a COMMIT that was lost (%s) has one effect', async (fault, isStored) => {
    const sent = await warehouse.prepare(IDEMPOTENT_POST);
    const struck = warehouse.proxy.strike('COMMIT', fault);
    const first = await warehouse.ask(sent);
    await struck;
    const second = await repeat(sent);

    if (!outcomeTracking) expect(JSON.parse(first.body)).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect([await fateOfRequest(warehouse, sent, second), isReplayed(second)]).toEqual([STORED, isStored]);
    expect(second.headers).toMatchObject({ etag: '"1"', location: '/idempotent/new' });
  });

  it('many times at once after a COMMIT that was lost has one effect, and one answer', async () => {
    const sent = await warehouse.prepare(IDEMPOTENT_POST);
    void warehouse.proxy.strike('COMMIT', 'cut-answer');
    void warehouse.proxy.strike('COMMIT', 'cut');
    const answers = await Promise.all(Array.from({ length: 5 }, () => repeat(sent)));
    warehouse.proxy.heal();
    const last = await repeat(sent);

    expect(await fateOfRequest(warehouse, sent, last)).toEqual(STORED);
    const stored = [...answers, last].filter(({ status }) => status === 201);
    expect(new Set(stored.map(({ body }) => body)).size).toBe(1);
    expect(answers.filter(({ status }) => status !== 201 && status !== 500)).toEqual([]);
  });

  it('after the death of its connection in COMMIT has one effect', async () => {
    const sent = await warehouse.prepare(IDEMPOTENT_POST, 'late');
    await warehouse.whileBlocked(
      () => warehouse.ask(sent),
      (pid) => warehouse.terminate(pid),
    );
    const second = await repeat(sent);

    expect([await fateOfRequest(warehouse, sent, second), isReplayed(second)]).toEqual([STORED, false]);
  });

  it('after a hook that threw gives the stored answer', async () => {
    const sent = await warehouse.prepare(IDEMPOTENT_POST, 'unheard');
    const first = await warehouse.ask(sent);
    expect(await fateOfRequest(warehouse, sent, first)).toEqual(fates.STORED_BUT);
    const second = await repeat(sent);

    expect([await fateOfRequest(warehouse, sent, second), isReplayed(second)]).toEqual([STORED, true]);
  });

  it.each(['refused', 'doomed', 'serialization', 'deadlock'])(
    'after a failure that has stored nothing (%s) tries again',
    async (fault) => {
      const sent = await warehouse.prepare(IDEMPOTENT_POST, fault);
      const first = await warehouse.ask(sent);
      const second = await repeat(sent);

      expect(second.body).toBe(first.body);
      expect(await warehouse.stored(sent)).toBe('nothing');
    },
  );
});

describe('a request that began before its twin was committed', () => {
  beforeAll(async () => {
    warehouse = await StrickenWarehouse.open();
  });
  afterEach(() => warehouse.expectAtRest());
  afterAll(() => warehouse.close());

  /** The look-up of the slower one finds no response although the faster one has taken effect. */
  async function twinsOf(sent: Sent): Promise<[faster: Answer, slower: Answer]> {
    const faster = await warehouse.ask(sent);
    await warehouse.observer.query(`
      DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM idempotency_keys; DELETE FROM idempotency_keys`);
    warehouse.halfway = () =>
      warehouse.observer.query('INSERT INTO idempotency_keys SELECT * FROM kept ON CONFLICT DO NOTHING');
    return [faster, await warehouse.ask(sent)];
  }

  it.each([IDEMPOTENT_PATCH, IDEMPOTENT_POST])('gets the answer of its twin ($name)', async (operation) => {
    const sent = await warehouse.prepare(operation);
    const [faster, slower] = await twinsOf(sent);

    expect(slower).toMatchObject({ status: operation.status, body: faster.body });
    expect(slower.headers.etag).toBe(faster.headers.etag);
    expect(isReplayed(slower)).toBe(true);
    expect(await warehouse.stored(sent)).toBe('everything');
  });
});

describe.each(cases(['immediate'] as const, ['fast'] as const))('a server that is restarted (%s)', (how) => {
  const server = new OwnServer();

  beforeAll(async () => {
    await server.start();
    const request = { mode: 'atomic' } as const;
    warehouse = await StrickenWarehouse.open({
      url: server.url,
      transactional: { request },
      dataSource: { poolSize: 8 },
    });
  }, 60_000);
  afterAll(async () => {
    await warehouse.close();
    await server.stop();
  });

  it('leaves nothing of the requests that were under way, and serves their repetitions', async () => {
    const all = await Promise.all([...OPERATIONS, ATOMIC_POST].map((each) => warehouse.prepare(each)));
    const halfway = gate();
    let arrived = 0;
    const everybody = gate();
    warehouse.halfway = () => {
      if (++arrived === all.length) everybody.open();
      return halfway.opened;
    };
    const answers = all.map((sent) => warehouse.ask(sent, { ms: 30_000 }));
    await everybody.opened;
    await server.stop(how);
    await server.start();
    warehouse.retarget(server.url);
    halfway.open();

    for (const [index, sent] of all.entries()) {
      const fate = await fateOfRequest(warehouse, sent, await answers[index]!);
      expect([sent.operation.name, fate]).toEqual([sent.operation.name, fates.UNFORESEEN]);
      const { status } = await repeat(sent);
      expect([status, await warehouse.stored(sent)]).toEqual([sent.operation.status, 'everything']);
    }
    await warehouse.expectAtRest();
  }, 60_000);
});
