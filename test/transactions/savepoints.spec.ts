import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  IncompatibleOptionsError,
  TransactionEndedError,
  UnexpectedRollbackError,
} from '@nest-transactional/core';
import { gate, settle, watched } from '../support/gate.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const swallow = (): undefined => undefined;
const nested = <T>(work: () => Promise<T>): Promise<T> =>
  database.transactions.run({ propagation: 'NESTED' }, work);

describe('a NESTED call', () => {
  it('begins a transaction where there is none', async () => {
    await failureOf(nested(() => writeThenFail('a')));
    await nested(() => database.write('b'));

    expect(await database.notes()).toEqual(['b']);
  });

  it('keeps the outer insert when the savepoint rolls back', async () => {
    await database.transactions.run(async () => {
      await database.write('outer');
      await nested(() => writeThenFail('inner')).catch(swallow);
      await database.write('after');
    });

    expect(await database.notes()).toEqual(['after', 'outer']);
  });

  it('is undone with the outer transaction although it was kept', async () => {
    const work = database.transactions.run(async () => {
      await nested(() => database.write('inner'));
      throw new Error('undo');
    });

    await failureOf(work);
    expect(await database.notes()).toEqual([]);
  });

  it('cures a failed statement', async () => {
    await database.transactions.run(async (em) => {
      await database.write('taken');
      const failure = await failureOf(nested(() => database.write('taken')));
      expect(failure.driverError).toMatchObject({ code: '23505' });
      expect(await em.count(Note)).toBe(1);
    });

    expect(await database.notes()).toEqual(['taken']);
  });

  it('that swallows a failed statement is undone alone, and its caller is told the first SQLSTATE', async () => {
    await database.transactions.run(async (em) => {
      await database.write('taken');
      const failure = await failureOf(
        nested(async () => {
          await database.write('inner');
          await database.write('taken').catch(swallow);
          await em.query('SELECT 1').catch(swallow);
        }),
      );
      expect(failure).toBeInstanceOf(UnexpectedRollbackError);
      expect(failure.cause.driverError?.code ?? failure.cause.code).toBe('23505');
    });

    expect(await database.notes()).toEqual(['taken']);
  });

  it('that is condemned is undone alone', async () => {
    const { transactions } = database;
    await transactions.run(async () => {
      await database.write('outer');
      const condemned = nested(async () => {
        await database.write('inner');
        transactions.current!.setRollbackOnly();
      });
      expect(await failureOf(condemned)).toBeInstanceOf(UnexpectedRollbackError);
      expect(transactions.current!.isRollbackOnly).toBe(false);
    });

    expect(await database.notes()).toEqual(['outer']);
  });

  it('takes the failure of a call that joined it for its own', async () => {
    await database.transactions.run(async () => {
      await database.write('outer');
      const inner = nested(async () => {
        await database.transactions.run(() => writeThenFail('joined')).catch(swallow);
      });
      expect(await failureOf(inner)).toBeInstanceOf(UnexpectedRollbackError);
    });

    expect(await database.notes()).toEqual(['outer']);
  });

  it('may be nested again; each level is undone alone', async () => {
    const { transactions } = database;
    const depths: number[] = [];
    const level = async (text: string, inner: () => Promise<unknown>): Promise<void> => {
      depths.push(transactions.current!.depth);
      await database.write(text);
      await inner().catch(swallow);
    };
    await transactions.run(() =>
      level('1', () =>
        nested(() => level('2', () => nested(() => level('3', () => writeThenFail('3'.repeat(2)))))),
      ),
    );

    expect(depths).toEqual([1, 2, 3]);
    expect(await database.notes()).toEqual(['1', '2', '3', '33']);
  });

  it('undoes an inner savepoint that was kept, too', async () => {
    await database.transactions.run(async () => {
      await database.write('outer');
      const work = nested(async () => {
        await nested(() => database.write('innermost'));
        throw new Error('undo');
      });
      await work.catch(swallow);
    });

    expect(await database.notes()).toEqual(['outer']);
  });

  it('is refused an isolation level of its own', async () => {
    const inner = { propagation: 'NESTED', isolation: 'SERIALIZABLE' } as const;

    expect(await failureOf(database.transactions.run(inner, () => database.write('a')))).toMatchObject({
      code: 'INVALID_OPTIONS',
      option: 'isolation',
    });
  });
});

describe('parallel parts', () => {
  it.each<[string, (work: () => Promise<unknown>) => Promise<unknown>]>([
    ['NESTED calls', nested],
    ['manager.transaction()', (work) => database.dataSource.manager.transaction(work)],
    ['dataSource.transaction()', (work) => database.dataSource.transaction(work)],
  ])('%s are each undone alone', async (_name, part) => {
    await database.transactions.run(async () => {
      const numbers = Array.from({ length: 8 }, (_, number) => number);
      await Promise.allSettled(
        numbers.map((number) =>
          part(async () => {
            await database.write(`a${number}`);
            await Promise.resolve();
            await (number % 2 === 0 ? database.write(`b${number}`) : writeThenFail(`b${number}`));
          }),
        ),
      );
    });

    expect(await database.notes()).toEqual(['a0', 'a2', 'a4', 'a6', 'b0', 'b2', 'b4', 'b6']);
  });

  it('do not undo a statement of their parent that was sent beside them', async () => {
    await database.transactions.run(async () => {
      await database.write('before');
      await Promise.allSettled([nested(() => writeThenFail('inner')), database.write('beside')]);
    });

    expect(await database.notes()).toEqual(['before', 'beside']);
  });
});

describe('a branch of a NESTED call that fails beside a sibling still at work', () => {
  it.each([1, 2, 3, 4, 5, 6])('undoes both and nothing else, %p turns later', async (turns) => {
    await database.transactions.run(async () => {
      await database.write('outer');
      const isInside = gate();
      const sibling = async (): Promise<void> => {
        await database.write('sibling');
        isInside.open();
        await database.write('sibling, again');
      };
      const failing = async (): Promise<void> => {
        await isInside.opened;
        await settle(turns);
        throw new Error('a branch fails');
      };
      const whole = nested(() => Promise.all([nested(sibling), failing()]));
      expect(await failureOf(whole)).toMatchObject({ message: 'a branch fails' });
      await database.write('after');
    });

    expect(await database.notes()).toEqual(['after', 'outer']);
  });
});

describe('a savepoint that nobody awaited', () => {
  it('never stores anything after the end', async () => {
    const end = gate();
    const left = gate<Promise<unknown>>();
    await database.transactions
      .run(async () => {
        await database.write('outer');
        const isInside = gate();
        const forgotten = nested(async () => {
          await database.write('inside');
          isInside.open();
          await end.opened;
          await database.write('late');
        });
        left.open(watched(forgotten));
        await isInside.opened;
      })
      .catch(swallow);
    end.open();

    expect(await failureOf(left.opened)).toBeInstanceOf(TransactionEndedError);
    expect(await database.notes()).not.toContain('late');
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });
});

describe('manager.transaction() inside a transaction', () => {
  it('hands on the error and the result', async () => {
    const failure = new Error('no');
    await database.transactions.run(async (em) => {
      expect(await em.transaction(async () => 42)).toBe(42);
      await expect(em.transaction(() => Promise.reject(failure))).rejects.toBe(failure);
    });
  });

  it('may name the isolation level that the transaction has, and no other', async () => {
    await database.transactions.run({ isolation: 'SERIALIZABLE' }, async (em) => {
      await em.transaction('SERIALIZABLE', (inner) => inner.insert(Note, { text: 'a' }));
      const other = em.transaction('READ COMMITTED', (inner) => inner.insert(Note, { text: 'b' }));
      await expect(other).rejects.toBeInstanceOf(IncompatibleOptionsError);
    });

    expect(await database.notes()).toEqual(['a']);
  });
});

async function writeThenFail(text: string): Promise<never> {
  await database.write(text);
  throw new Error(`undo ${text}`);
}
