import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CannotCreateTransactionError } from '@nest-transactional/core';
import { fateOf, pidOf, StrickenDatabase } from './stricken-database.js';

let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
beforeEach(async () => {
  await database.empty();
  database.reported.length = 0;
});
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

const swallow = (): undefined => undefined;

describe('a BEGIN', () => {
  it('that is cut off leaves nothing behind, and is told as such', async () => {
    const struck = database.proxy.strike('BEGIN', 'cut');
    const fate = await fateOf(database.transactions.run(() => database.write('a')));
    await struck;

    expect(fate).toBeInstanceOf(CannotCreateTransactionError);
    expect(fate).toMatchObject({ outcome: 'not-started', retryable: true });
    expect(await database.notes()).toEqual([]);
  });

  it('whose answer is cut off leaves nothing behind', async () => {
    const struck = database.proxy.strike('BEGIN', 'cut-answer');
    const fate = await fateOf(database.transactions.run(() => database.write('a')));
    await struck;

    expect(['not-started', 'rolled-back']).toContain(fate.outcome);
    expect(await database.notes()).toEqual([]);
  });

  it('that vanishes is given up within the time limit', async () => {
    const struck = database.proxy.strike('BEGIN', 'black-hole');
    const fate = await fateOf(database.transactions.run({ timeoutMs: 200 }, () => database.write('a')));
    await struck;

    expect(fate).toMatchObject({ code: 'TRANSACTION_TIMEOUT', outcome: 'rolled-back' });
  });
});

describe('a ROLLBACK', () => {
  it.each(['cut', 'cut-answer'] as const)(
    'that is lost (%s) does not hide the error, carries its own failure along, and is reported',
    async (fault) => {
      const own = new Error('out of stock');
      const struck = database.proxy.strike('ROLLBACK', fault);
      let pid = 0;
      const fate = await fateOf(
        database.transactions.run(async (em) => {
          pid = await pidOf(em);
          await database.write('a');
          throw own;
        }),
      );
      await struck;

      expect(fate).toBe(own);
      expect(fate.rollbackFailure).toMatchObject({ message: expect.any(String) });
      expect(database.reported.join()).toMatch(/rolling back/);
      expect(await database.notes()).toEqual([]);
      expect(await database.transactions.run(pidOf)).not.toBe(pid);
    },
  );

  it('that is lost under an error which takes no properties still throws that error', async () => {
    const own = Object.freeze(new Error('frozen'));
    const struck = database.proxy.strike('ROLLBACK', 'cut');
    const fate = await fateOf(
      database.transactions.run(async () => {
        await database.write('a');
        throw own;
      }),
    );
    await struck;

    expect(fate).toBe(own);
  });

  it('that vanishes does not outlast the time limit by much', async () => {
    const own = new Error('out of stock');
    const struck = database.proxy.strike('ROLLBACK', 'black-hole');
    const fate = await fateOf(
      database.transactions.run({ timeoutMs: 300 }, async () => {
        await database.write('a');
        throw own;
      }),
    );
    await struck;

    expect([fate, fate.cause]).toContain(own);
  });
});

describe('a savepoint', () => {
  it.each(['SAVEPOINT', 'ROLLBACK TO'])(
    'whose %s is cut off takes the whole transaction with it',
    async (text) => {
      const struck = database.proxy.strike(text, 'cut');
      const fate = await fateOf(
        database.transactions.run(async () => {
          await database.write('outer');
          await database.transactions
            .run({ propagation: 'NESTED' }, async () => {
              await database.write('inner');
              throw new Error('undo');
            })
            .catch(swallow);
        }),
      );
      await struck;

      expect(fate).toMatchObject({ outcome: 'rolled-back' });
      expect(await database.notes()).toEqual([]);
    },
  );
});

describe('a statement whose answer is cut off', () => {
  it('cannot be committed when the failure is swallowed: rolled back, and the loss is the cause', async () => {
    const struck = database.proxy.strike('INSERT', 'cut-answer');
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await em.query('SELECT 1');
        await database.write('a').catch(swallow);
      }),
    );
    await struck;

    expect(fate).toMatchObject({ outcome: 'rolled-back', cause: expect.anything() });
    expect(await database.notes()).toEqual([]);
  });
});
