import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventSubscriber, type EntitySubscriberInterface } from 'typeorm';
import { afterCommit, afterCompletion, afterRollback } from '@nest-transactional/core';
import { fateOf, StrickenDatabase } from './stricken-database.js';

type Moment =
  | 'beforeTransactionStart'
  | 'afterTransactionStart'
  | 'beforeTransactionCommit'
  | 'afterTransactionCommit'
  | 'beforeTransactionRollback'
  | 'afterTransactionRollback';

const failure = new Error('the subscriber failed');
const own = new Error('out of stock');
let failsAt: Moment | undefined;
let isAsynchronous = false;

function fail(moment: Moment): Promise<void> | void {
  if (moment !== failsAt) return;
  if (isAsynchronous) return Promise.reject(failure);
  throw failure;
}

@EventSubscriber()
class Failing implements EntitySubscriberInterface {
  beforeTransactionStart = (): Promise<void> | void => fail('beforeTransactionStart');
  afterTransactionStart = (): Promise<void> | void => fail('afterTransactionStart');
  beforeTransactionCommit = (): Promise<void> | void => fail('beforeTransactionCommit');
  afterTransactionCommit = (): Promise<void> | void => fail('afterTransactionCommit');
  beforeTransactionRollback = (): Promise<void> | void => fail('beforeTransactionRollback');
  afterTransactionRollback = (): Promise<void> | void => fail('afterTransactionRollback');
}

let database: StrickenDatabase;
let heard: string[] = [];

beforeAll(async () => {
  database = await StrickenDatabase.open({ dataSource: { subscribers: [Failing] } });
});
beforeEach(async () => {
  heard = [];
  failsAt = undefined;
  await database.empty();
});
afterEach(async () => {
  failsAt = undefined;
  await database.expectHealthy();
});
afterAll(() => database.close());

async function run({ throws = false } = {}): Promise<any> {
  return await fateOf(
    database.transactions.run(async () => {
      afterCommit(() => void heard.push('afterCommit'));
      afterRollback(() => void heard.push('afterRollback'));
      afterCompletion((outcome) => void heard.push(outcome));
      await database.write('a');
      if (throws) throw own;
    }),
  );
}

describe.each([false, true])('a subscriber that fails (asynchronously: %p)', (asynchronously) => {
  beforeEach(() => {
    isAsynchronous = asynchronously;
  });

  it.each<Moment>(['beforeTransactionStart', 'afterTransactionStart', 'beforeTransactionCommit'])(
    '%s: rolled back',
    async (moment) => {
      failsAt = moment;
      const fate = await run();

      expect([fate, fate.cause, fate.driverError]).toContain(failure);
      expect(heard).toEqual(['afterRollback', 'rolled-back']);
      expect(await database.notes()).toEqual([]);
    },
  );

  it('afterTransactionCommit: committed, and the error says so', async () => {
    failsAt = 'afterTransactionCommit';
    const fate = await run();

    expect(fate).toMatchObject({ code: 'AFTER_COMMIT', outcome: 'committed', cause: failure });
    expect(heard).toEqual(['afterCommit', 'committed']);
    expect(await database.notes()).toEqual(['a']);
  });

  it.each<Moment>(['beforeTransactionRollback', 'afterTransactionRollback'])(
    '%s: rolled back all the same, with the error of the method',
    async (moment) => {
      failsAt = moment;

      expect(await run({ throws: true })).toBe(own);
      expect(heard).toEqual(['afterRollback', 'rolled-back']);
      expect(await database.notes()).toEqual([]);
    },
  );
});
