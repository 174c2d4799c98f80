import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  OutcomeUnknownError,
  TransactionTimeoutError,
  UnexpectedRollbackError,
  type TransactionOptions,
} from '@nest-transactional/core';
import { hastyClock } from './hasty-clock.js';
import { fateOf, HANG_MS, StrickenDatabase } from './stricken-database.js';
import type { Fault } from '../support/fault-proxy.js';
import { itThoroughly } from '../support/thoroughness.js';

let database: StrickenDatabase;
let heard: string[] = [];

beforeEach(async () => {
  heard = [];
  await database.empty();
});
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

/** A transaction with every hook, whose COMMIT meets `fault`. */
async function commitMeeting(fault: Fault, options: TransactionOptions = {}): Promise<any> {
  const struck = database.proxy.strike('COMMIT', fault);
  const fate = await fateOf(
    database.transactions.run(options, async () => {
      afterCommit(() => void heard.push('afterCommit'));
      afterRollback(() => void heard.push('afterRollback'));
      afterCompletion((outcome) => void heard.push(outcome));
      await database.write('a');
    }),
  );
  await struck;
  return fate;
}

describe('with outcome tracking', () => {
  beforeAll(async () => {
    database = await StrickenDatabase.open({ enlist: { outcomeTracking: true, clock: hastyClock(4) } });
  });
  afterAll(() => database.close());

  it('a COMMIT that never reached the server is known to be rolled back', async () => {
    const fate = await commitMeeting('cut');

    expect(fate).toBeInstanceOf(UnexpectedRollbackError);
    expect(fate).toMatchObject({ outcome: 'rolled-back', cause: expect.anything() });
    expect(heard).toEqual(['afterRollback', 'rolled-back']);
    expect(await database.notes()).toEqual([]);
  });

  it('a COMMIT whose answer was lost is known to be committed', async () => {
    expect(await commitMeeting('cut-answer')).toBeUndefined();
    expect(heard).toEqual(['afterCommit', 'committed']);
    expect(await database.notes()).toEqual(['a']);
  });

  it('a COMMIT whose answer vanishes is known to be committed within the time limit', async () => {
    expect(await commitMeeting('black-hole-answer', { timeoutMs: 800 })).toBeUndefined();
    expect(heard).toEqual(['afterCommit', 'committed']);
    expect(await database.notes()).toEqual(['a']);
  });

  it('a COMMIT that vanishes before the server is not waited for without end', async () => {
    const fate = await commitMeeting('black-hole', { timeoutMs: 800 });

    expect(['rolled-back', 'unknown']).toContain(fate?.outcome);
    expect(heard).not.toContain('afterCommit');
    expect(await database.notes()).toEqual([]);
  });

  itThoroughly('a COMMIT after which the whole network is gone is given up in bounded time', async () => {
    const struck = database.proxy.strike('COMMIT', 'black-hole-answer').then(() => database.proxy.goBlack());
    const fate = await fateOf(
      database.transactions.run({ timeoutMs: 800 }, () => database.write('a')),
      2 * HANG_MS,
    );
    await struck;

    expect(fate).toBeInstanceOf(OutcomeUnknownError);
  });

  it('a transaction without writes is told apart, too', async () => {
    const struck = database.proxy.strike('COMMIT', 'cut-answer');
    const fate = await fateOf(database.transactions.run((em) => em.query('SELECT 1')));
    await struck;

    expect(fate?.outcome ?? 'committed').not.toBe('rolled-back');
  });

  it('a read-only one has nothing to lose', async () => {
    const struck = database.proxy.strike('COMMIT', 'cut');
    const fate = await fateOf(database.transactions.run({ readOnly: true }, (em) => em.query('SELECT 1')));
    await struck;

    expect(fate?.outcome ?? 'committed').not.toBe('rolled-back');
  });
});

describe('without outcome tracking', () => {
  beforeAll(async () => {
    database = await StrickenDatabase.open({ enlist: { clock: hastyClock(4) } });
  });

  it.each<[Fault, string[]]>([
    ['cut', []],
    ['cut-answer', ['a']],
  ])('a COMMIT that is lost (%s) is an unknown outcome', async (fault, stored) => {
    const fate = await commitMeeting(fault);

    expect(fate).toBeInstanceOf(OutcomeUnknownError);
    expect(fate).toMatchObject({ outcome: 'unknown', retryable: false, cause: expect.anything() });
    expect(heard).toEqual(['unknown']);
    expect(await database.notes()).toEqual(stored);
  });

  it.each<[Fault, string[]]>([
    ['black-hole', []],
    ['black-hole-answer', ['a']],
  ])('a COMMIT that vanishes (%s) is an unknown outcome within the time limit', async (fault, stored) => {
    const fate = await commitMeeting(fault, { timeoutMs: 800 });

    expect(fate).not.toBeInstanceOf(TransactionTimeoutError);
    expect(fate).toMatchObject({ outcome: 'unknown' });
    expect(heard).toEqual(['unknown']);
    expect(await database.notes()).toEqual(stored);
  });

  it('is never tried again', async () => {
    let tries = 0;
    const struck = database.proxy.strike('COMMIT', 'cut-answer');
    const fate = await fateOf(
      database.transactions.run({ retry: { maxRetries: 3, on: () => true } }, async () => {
        tries++;
        await database.write('a');
      }),
    );
    await struck;

    expect(fate).toBeInstanceOf(OutcomeUnknownError);
    expect(tries).toBe(1);
  });
});
