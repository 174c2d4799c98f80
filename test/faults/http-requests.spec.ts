import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Answer } from '../http/exchange.js';
import type { Fault } from '../support/fault-proxy.js';
import { cases } from '../support/thoroughness.js';
import * as fates from './fates.js';
import { fateOfRequest, type Fate } from './fates.js';
import { ATOMIC_POST, GENERATED_PATCH, IDEMPOTENT_POST, OPERATIONS, type Operation } from './operations.js';
import { StrickenWarehouse, type Sent } from './stricken-warehouse.js';
import { pidOf } from './stricken-database.js';

let warehouse: StrickenWarehouse;
const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));
afterEach(() => expect(unhandled).toEqual([]));

interface Setting {
  readonly platform: 'express' | 'fastify';
  readonly mode: 'opt-in' | 'atomic';
  readonly outcomeTracking: boolean;
}

interface Case {
  readonly name: string;
  /** What the ware's title begins with, which tells the database what befalls it. @defaultValue nothing */
  readonly title?: string;
  readonly send?: (sent: Sent) => Promise<Answer>;
  readonly fate: (operation: Operation, setting: Setting) => Fate;
}

const well = ({ status }: Operation): Fate => [status, undefined, 'everything'];
/** Whether the request's transaction is begun by what calls the handler again. */
const isRetried = ({ path }: Operation): boolean => path === '/versioned' || path === '/generated';

async function struck(text: string, fault: Fault, sent: Sent): Promise<Answer> {
  const happened = warehouse.proxy.strike(text, fault);
  const answer = await warehouse.ask(sent);
  await happened;
  return answer;
}

const atSecondWrite =
  (fault: Fault) =>
  (sent: Sent): Promise<Answer> =>
    struck(sent.operation.write, fault, sent);

const at =
  (text: string, fault: Fault) =>
  (sent: Sent): Promise<Answer> =>
    struck(text, fault, sent);

async function killedBetween(sent: Sent, { told }: { told: boolean }): Promise<Answer> {
  warehouse.halfway = async (em) => {
    const pid = await pidOf(em);
    const client = await em.queryRunner!.connect();
    const noticed = new Promise((resume) => client.once('end', resume));
    await warehouse.terminate(pid);
    if (told) await noticed;
  };
  return await warehouse.ask(sent);
}

const killedWhileBlocked = (sent: Sent): Promise<Answer> =>
  warehouse.whileBlocked(
    () => warehouse.ask(sent),
    (pid) => warehouse.terminate(pid),
  );

const CASES: readonly Case[] = [
  { name: 'nothing', fate: well },
  {
    name: 'the death of idle connections before it',
    send: async (sent) => {
      await warehouse.terminateIdle();
      return await warehouse.ask(sent);
    },
    fate: well,
  },
  { name: 'a BEGIN that is cut off', send: at('BEGIN', 'cut'), fate: () => fates.CANNOT_BEGIN },
  { name: 'a BEGIN without answer', send: at('BEGIN', 'cut-answer'), fate: () => fates.CANNOT_BEGIN },
  {
    name: 'a first SELECT that is cut off',
    send: at('SELECT', 'cut'),
    // It comes with BEGIN, or before it; but that one writes first, and BEGIN asks for its number only where outcomes are tracked.
    fate: (operation, { outcomeTracking }) =>
      operation === ATOMIC_POST && !outcomeTracking ? fates.UNFORESEEN : fates.CANNOT_BEGIN,
  },
  {
    name: 'the death of its connection between two statements',
    send: (sent) => killedBetween(sent, { told: false }),
    fate: () => fates.UNFORESEEN,
  },
  {
    name: 'the death of its connection between two statements, noticed before the second',
    send: (sent) => killedBetween(sent, { told: true }),
    fate: () => fates.UNFORESEEN,
  },
  {
    name: 'the death of its connection in a statement',
    title: 'slow',
    send: killedWhileBlocked,
    fate: () => fates.UNFORESEEN,
  },
  { name: 'a write that is cut off', send: atSecondWrite('cut'), fate: () => fates.UNFORESEEN },
  { name: 'a write without answer', send: atSecondWrite('cut-answer'), fate: () => fates.UNFORESEEN },
  {
    name: 'a COMMIT that is cut off',
    send: at('COMMIT', 'cut'),
    fate: (_, { outcomeTracking }) => (outcomeTracking ? fates.ROLLED_BACK : fates.UNKNOWN_AND_NOT_STORED),
  },
  {
    name: 'a COMMIT without answer',
    send: at('COMMIT', 'cut-answer'),
    fate: (operation, { outcomeTracking }) => (outcomeTracking ? well(operation) : fates.UNKNOWN_AND_STORED),
  },
  {
    name: 'the death of its connection in COMMIT',
    title: 'late',
    send: killedWhileBlocked,
    fate: (_, { outcomeTracking }) => (outcomeTracking ? fates.ROLLED_BACK : fates.UNKNOWN_AND_NOT_STORED),
  },
  {
    name: 'a constraint that refuses at COMMIT',
    title: 'refused',
    // The violation is explained inside of the request's transaction.
    fate: (operation, { mode }) =>
      operation === GENERATED_PATCH && mode === 'opt-in' ? fates.CONFLICTING : fates.UNFORESEEN,
  },
  { name: 'a serialization failure each time', title: 'serialization', fate: collision },
  { name: 'a serialization failure once', title: 'serialization-once', fate: collisionOnce },
  { name: 'a deadlock each time', title: 'deadlock', fate: collision },
  { name: 'a deadlock once', title: 'deadlock-once', fate: collisionOnce },
  { name: 'a serialization failure of COMMIT each time', title: 'doomed', fate: collision },
  { name: 'a serialization failure of COMMIT once', title: 'doomed-once', fate: collisionOnce },
  { name: 'a hook that throws after COMMIT', title: 'unheard', fate: () => fates.STORED_BUT },
];

function collision(operation: Operation): Fate {
  return isRetried(operation) ? fates.EXHAUSTED : fates.UNFORESEEN;
}

function collisionOnce(operation: Operation): Fate {
  return isRetried(operation) ? well(operation) : fates.UNFORESEEN;
}

const SETTINGS = cases<Setting>(
  [
    { platform: 'express', mode: 'opt-in', outcomeTracking: false },
    { platform: 'fastify', mode: 'atomic', outcomeTracking: true },
  ],
  [
    { platform: 'fastify', mode: 'opt-in', outcomeTracking: true },
    { platform: 'express', mode: 'atomic', outcomeTracking: false },
  ],
);

describe.each(SETTINGS)(
  'a request ($platform, $mode, outcome tracking: $outcomeTracking) that meets',
  (setting) => {
    const { platform, mode, outcomeTracking } = setting;
    const operations = mode === 'atomic' ? [...OPERATIONS, ATOMIC_POST] : OPERATIONS;

    beforeAll(async () => {
      const transactional = { request: { mode }, outcomeTracking };
      warehouse = await StrickenWarehouse.open({ platform, transactional });
    });
    afterAll(() => warehouse.close());

    it.each(CASES)('$name is told what became of it', async ({ title, send, fate }) => {
      const met: Record<string, Fate> = {};
      for (const operation of operations) {
        const sent = await warehouse.prepare(operation, title);
        const answer = await (send ?? ((each) => warehouse.ask(each)))(sent);
        met[operation.name] = await fateOfRequest(warehouse, sent, answer);
        await warehouse.expectAtRest();
      }

      const expected = operations.map((operation) => [operation.name, fate(operation, setting)]);
      expect(met).toEqual(Object.fromEntries(expected));
      for (const operation of cases([IDEMPOTENT_POST], operations)) await warehouse.expectWorks(operation);
    });
  },
);
