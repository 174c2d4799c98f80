import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { UnexpectedRollbackError } from '@nest-transactional/core';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(async () => {
  await database.empty();
  await database.write('taken');
});
afterAll(() => database.close());

const swallow = (): undefined => undefined;
const fail = (): Promise<unknown> => database.write('taken');

describe('a method that swallows the failure of a statement', () => {
  it('cannot commit: its caller is told, and nothing is stored', async () => {
    const work = database.transactions.run({ label: 'careless' }, async () => {
      await database.write('a');
      await fail().catch(swallow);
      return 'all is well';
    });
    const failure = await failureOf(work);

    expect(failure).toBeInstanceOf(UnexpectedRollbackError);
    expect(failure).toMatchObject({ code: 'UNEXPECTED_ROLLBACK', outcome: 'rolled-back', retryable: false });
    expect(failure.transaction).toContain('(careless)');
    expect(await database.notes()).toEqual(['taken']);
  });

  it('is told the first SQLSTATE, not the 25P02 that follows from it', async () => {
    const work = database.transactions.run(async (em) => {
      await fail().catch(swallow);
      await em.query('SELECT 1').catch(swallow);
      await database.write('b').catch(swallow);
    });

    expect(sqlStateOf((await failureOf(work)).cause)).toBe('23505');
  });

  it('is told so too when the very first statement failed', async () => {
    const work = database.transactions.run(() => fail().catch(swallow));

    expect(sqlStateOf((await failureOf(work)).cause)).toBe('23505');
  });

  it('sees the first failure as the cause of those that follow from it', async () => {
    const work = database.transactions.run(async (em) => {
      await fail().catch(swallow);
      await em.query('SELECT 1');
    });
    const failure = await failureOf(work);

    expect(sqlStateOf(failure)).toBe('25P02');
    expect(sqlStateOf(failure.cause)).toBe('23505');
  });

  it('rejects with its own error when it throws one', async () => {
    const own = new Error('name is taken');
    const work = database.transactions.run(async () => {
      await fail().catch(() => {
        throw own;
      });
    });

    await expect(work).rejects.toBe(own);
  });

  it('cannot commit by noRollbackFor either', async () => {
    const work = database.transactions.run({ noRollbackFor: RangeError }, async () => {
      await database.write('a');
      await fail().catch(swallow);
      throw new RangeError('not a reason to roll back');
    });

    expect(await failureOf(work)).toBeInstanceOf(Error);
    expect(await database.notes()).toEqual(['taken']);
  });
});

describe('a joined call that throws, and an outer one that catches', () => {
  const inner = (error: Error): Promise<unknown> =>
    database.transactions.run({ label: 'inner' }, async () => {
      await database.write('inner');
      throw error;
    });

  it('rolls everything back, with what was thrown as the cause', async () => {
    const thrown = new Error('out of stock');
    const work = database.transactions.run(async () => {
      await database.write('outer');
      await inner(thrown).catch(swallow);
    });
    const failure = await failureOf(work);

    expect(failure).toBeInstanceOf(UnexpectedRollbackError);
    expect(failure.cause).toBe(thrown);
    expect(failure.message).toContain('inner');
    expect(await database.notes()).toEqual(['taken']);
  });

  it('lets the outer one see that it is condemned', async () => {
    const work = database.transactions.run(async () => {
      await inner(new Error('no')).catch(swallow);
      expect(database.transactions.current!.isRollbackOnly).toBe(true);
    });

    await expect(work).rejects.toBeInstanceOf(UnexpectedRollbackError);
  });

  it('condemns it without any statement, too', async () => {
    const { transactions } = database;
    const work = transactions.run(() =>
      transactions.run(() => Promise.reject(new Error('no'))).catch(swallow),
    );

    await expect(work).rejects.toBeInstanceOf(UnexpectedRollbackError);
  });

  it('tells the first of several failures', async () => {
    const work = database.transactions.run(async () => {
      await inner(new Error('first')).catch(swallow);
      await fail().catch(swallow);
    });

    expect((await failureOf(work)).cause).toMatchObject({ message: 'first' });
  });

  it('commits when the inner one names the error in noRollbackFor', async () => {
    const { transactions } = database;
    await transactions.run(async () => {
      const joined = transactions.run({ noRollbackFor: RangeError }, async () => {
        await database.write('inner');
        throw new RangeError('none left');
      });
      await joined.catch(swallow);
    });

    expect(await database.notes()).toEqual(['inner', 'taken']);
  });

  it('does not forget the mark because of a noRollbackFor of the outer one', async () => {
    const work = database.transactions.run({ noRollbackFor: RangeError }, async () => {
      await inner(new Error('no')).catch(swallow);
      throw new RangeError('not a reason');
    });

    expect(await failureOf(work)).toBeInstanceOf(UnexpectedRollbackError);
    expect(await database.notes()).toEqual(['taken']);
  });
});

function sqlStateOf(error: any): unknown {
  return error?.driverError?.code ?? error?.code;
}
