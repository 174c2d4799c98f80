import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  afterCommit,
  AfterCommitError,
  afterCompletion,
  afterRollback,
  beforeCommit,
  UnexpectedRollbackError,
} from '@nest-transactional/core';
import { gate } from '../support/gate.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

const undo = new Error('undo');
const failure = new Error('a hook failed');
const fail = (): never => {
  throw failure;
};

let database: EnlistedDatabase;
let order: unknown[];

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(async () => {
  order = [];
  database.reported.length = 0;
  await database.empty();
});
afterAll(() => database.close());

const run = <T>(work: () => T | Promise<T>): Promise<T> => database.transactions.run(work);
const note = (text: string) => (): void => void order.push(text);

/** One hook of each kind, which notes that it ran and which notes others can see by then. */
function registerAll(): void {
  const noting = (kind: string) => async (outcome?: unknown) => {
    order.push([kind, ...(outcome === undefined ? [] : [outcome]), await database.notes()]);
  };
  afterCompletion(noting('completion'));
  afterRollback(noting('rollback'));
  afterCommit(noting('commit'));
  beforeCommit(noting('before'));
}

describe('the hooks of a transaction', () => {
  it('that commits run before, and after the server has confirmed it', async () => {
    await run(async () => {
      registerAll();
      await database.write('a');
    });

    expect(order).toEqual([
      ['before', []],
      ['commit', ['a']],
      ['completion', 'committed', ['a']],
    ]);
  });

  it('that is rolled back run after that, and none of COMMIT', async () => {
    const work = run(async () => {
      registerAll();
      await database.write('a');
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(order).toEqual([
      ['rollback', []],
      ['completion', 'rolled-back', []],
    ]);
  });

  it('that sent nothing run all the same', async () => {
    await run(registerAll);

    expect(order).toEqual([
      ['before', []],
      ['commit', []],
      ['completion', 'committed', []],
    ]);
  });

  it('that the server could only roll back run as for any rollback', async () => {
    const work = run(async () => {
      afterCommit(note('commit'));
      afterRollback(note('rollback'));
      afterCompletion((outcome) => order.push(outcome));
      await database.transactions.entityManager().query('SELECT 1/0').catch(note('caught'));
    });

    expect(await failureOf(work)).toBeInstanceOf(UnexpectedRollbackError);
    expect(order).toEqual(['caught', 'rollback', 'rolled-back']);
  });

  it('are awaited, one after the other, before the caller goes on', async () => {
    const [slow, started] = [gate(), gate()];
    const work = run(async () => {
      afterCommit(() => {
        started.open();
        return slow.opened.then(note('slow'));
      });
      afterCommit(note('quick'));
      await database.write('a');
    }).then(note('caller'));
    await started.opened;
    expect(order).toEqual([]);
    expect(await database.notes()).toEqual(['a']);
    slow.open();
    await work;

    expect(order).toEqual(['slow', 'quick', 'caller']);
  });
});

describe('a hook before COMMIT', () => {
  it('is still inside: what it writes is stored with the rest', async () => {
    await run(async () => {
      beforeCommit(() => database.write('by the hook'));
      await database.write('a');
      await database.transactions.run({ propagation: 'NESTED' }, () => beforeCommit(note('nested')));
    });

    expect(await database.notes()).toEqual(['a', 'by the hook']);
    expect(order).toEqual(['nested']);
  });

  it.each<[string, () => unknown]>([
    ['throws', fail],
    ['rejects', () => Promise.reject(failure)],
  ])('that %s rolls back: the caller gets its error, no commit hook runs', async (_how, hook) => {
    const work = run(async () => {
      beforeCommit(hook);
      beforeCommit(note('second'));
      afterCommit(note('commit'));
      afterRollback(note('rollback'));
      afterCompletion((outcome) => order.push(outcome));
      await database.write('a');
    });

    expect(await failureOf(work)).toBe(failure);
    expect(order).toEqual(['rollback', 'rolled-back']);
    expect(await database.notes()).toEqual([]);
  });

  it('may register further ones, of each kind', async () => {
    await run(() => {
      beforeCommit(() => {
        beforeCommit(note('before'));
        afterCommit(note('after'));
      });
    });

    expect(order).toEqual(['before', 'after']);
  });

  it('does not run where the transaction can only be rolled back', async () => {
    const work = run(async () => {
      beforeCommit(note('before'));
      await database.write('a');
      database.transactions.current!.setRollbackOnly();
    });

    expect(await failureOf(work)).toBeInstanceOf(UnexpectedRollbackError);
    expect(order).toEqual([]);
  });

  it('that meets a failed transaction does not hide why it failed', async () => {
    const work = run(async () => {
      beforeCommit(() => database.write('by the hook'));
      await database.transactions.entityManager().query('SELECT 1/0').catch(note('caught'));
    });
    const error = await failureOf(work);

    expect(JSON.stringify([error, error.cause])).toContain('22012');
  });
});

describe('a hook after COMMIT that fails', () => {
  it('stops no other; the caller hears that the data is stored, of every failure, and the result', async () => {
    const second = new Error('second');
    const work = run(async () => {
      afterCommit(fail);
      afterCommit(() => Promise.reject(second));
      afterCommit(note('third'));
      afterCompletion((outcome) => order.push(outcome));
      await database.write('a');
      return 42;
    });
    const error = await failureOf(work);

    expect(error).toBeInstanceOf(AfterCommitError);
    expect(error).toMatchObject({ outcome: 'committed', retryable: false, result: 42, cause: failure });
    expect(error.errors).toEqual([failure, second]);
    expect(order).toEqual(['third', 'committed']);
    expect(await database.notes()).toEqual(['a']);
  });

  it('is only logged where it is robust', async () => {
    const result = await run(async () => {
      afterCommit(fail, { robust: true });
      afterCommit(note('second'));
      return await database.write('a').then(() => 42);
    });

    expect(result).toBe(42);
    expect(order).toEqual(['second']);
    expect(database.reported).toEqual([expect.stringContaining('hook')]);
  });

  it.each<[string, typeof afterRollback, boolean]>([
    ['afterRollback', afterRollback, true],
    ['afterCompletion', afterCompletion, false],
    ['afterCompletion', afterCompletion, true],
  ])('of %s changes nothing for the caller, and is logged', async (phase, register, isUndone) => {
    const work = run(async () => {
      register(fail);
      register(note('second'));
      await database.write('a');
      if (isUndone) throw undo;
    });

    if (isUndone) expect(await failureOf(work)).toBe(undo);
    else await work;
    expect(order).toEqual(['second']);
    expect(database.reported).toEqual([expect.stringContaining(phase)]);
  });

  it('of a transaction within rolls back neither of the two that are stored already', async () => {
    const work = run(async () => {
      await database.transactions.run({ propagation: 'REQUIRES_NEW' }, async () => {
        afterCommit(fail);
        await database.write('inner');
      });
    });

    expect(await failureOf(work)).toMatchObject({ outcome: 'committed', errors: [failure] });
    expect(await database.notes()).toEqual(['inner']);
  });
});
