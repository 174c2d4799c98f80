import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  beforeCommit,
  NoTransactionError,
  outsideTransaction,
  TransactionEndedError,
  type TransactionOptions,
} from '@nest-transactional/core';
import { gate, watched } from '../support/gate.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

const undo = new Error('undo');
const NESTED = { propagation: 'NESTED' } as const;
const APART = [{ propagation: 'REQUIRES_NEW' }, { propagation: 'NOT_SUPPORTED' }] as const;
const KINDS = [
  ['beforeCommit', beforeCommit],
  ['afterCommit', afterCommit],
  ['afterRollback', afterRollback],
  ['afterCompletion', afterCompletion],
] as const;

let database: EnlistedDatabase;
let order: unknown[];

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(async () => {
  order = [];
  await database.empty();
});
afterAll(() => database.close());

const run = <T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T> =>
  database.transactions.run(options, work);
const hook = (text: string): void => afterCommit(() => order.push(text));

/** Registers hooks inside, writes, and fails where `error` says so. */
async function hooked(text: string, error?: Error): Promise<void> {
  hook(text);
  await database.write(text);
  if (error) throw error;
}

describe('the hooks of a savepoint', () => {
  it('run with those of the transaction when it is kept, in the order in which it was left', async () => {
    await run({}, async () => {
      hook('outer');
      await run(NESTED, async () => {
        hook('inner');
        await run(NESTED, () => hooked('innermost'));
        hook('inner again');
      });
      expect(order).toEqual([]);
      hook('outer again');
    });

    expect(order).toEqual(['outer', 'inner', 'innermost', 'inner again', 'outer again']);
  });

  it('are dropped when it is undone, and no others', async () => {
    await run({}, async () => {
      await hooked('outer');
      await failureOf(run(NESTED, () => hooked('undone', undo)));
      await run(NESTED, () => hooked('kept'));
      await failureOf(run({ ...NESTED, noRollbackFor: Error }, () => hooked('kept, too', undo)));
    });

    expect(order).toEqual(['outer', 'kept', 'kept, too']);
    expect(await database.notes()).toEqual(['kept', 'kept, too', 'outer']);
  });

  it('are dropped with those of the savepoints inside it, and of calls that joined them', async () => {
    await run({}, async () => {
      const undone = run(NESTED, async () => {
        await run(NESTED, () => hooked('released'));
        await run({}, () => hooked('joined'));
        throw undo;
      });
      await failureOf(undone);
    });

    expect(order).toEqual([]);
  });

  it.each(KINDS)('are dropped of each kind: %s', async (_kind, register) => {
    await run({}, async () => {
      await failureOf(
        run(NESTED, () => {
          register(() => order.push('dropped'));
          throw undo;
        }),
      );
      await database.write('a');
    });

    expect(order).toEqual([]);
  });

  it('are those of the scope in which they are registered, also of parallel ones', async () => {
    const [bothAreIn, firstIsIn] = [gate(), gate()];
    await run({}, async () => {
      await Promise.allSettled([
        run(NESTED, async () => {
          firstIsIn.open();
          await bothAreIn.opened;
          await hooked('kept');
        }),
        run(NESTED, async () => {
          await firstIsIn.opened;
          bothAreIn.open();
          await hooked('undone', undo);
        }),
      ]);
    });

    expect(order).toEqual(['kept']);
  });
});

describe('a call that stands apart', () => {
  it('has hooks of its own: REQUIRES_NEW runs them at its own end, whatever becomes of the outer one', async () => {
    const work = run({}, async () => {
      await hooked('outer');
      await run({ propagation: 'REQUIRES_NEW' }, () => hooked('inner'));
      expect(order).toEqual(['inner']);
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(order).toEqual(['inner']);
  });

  it('is no transaction for hooks where it is NOT_SUPPORTED', async () => {
    await run({}, async () => {
      const failure = await failureOf(run({ propagation: 'NOT_SUPPORTED' }, () => hook('nowhere')));
      expect(failure).toBeInstanceOf(NoTransactionError);
    });

    expect(order).toEqual([]);
  });

  it.each(APART)('suspends the outer hooks for exactly that call, under Promise.all: %p', async (options) => {
    const [innerIsIn, siblingHasRegistered] = [gate(), gate()];
    await run({}, async () => {
      await Promise.all([
        run(options, async () => {
          innerIsIn.open();
          await siblingHasRegistered.opened;
          if (options.propagation === 'REQUIRES_NEW') hook('inner');
          else expect(() => hook('inner')).toThrow(NoTransactionError);
        }),
        (async () => {
          await innerIsIn.opened;
          hook('sibling');
          siblingHasRegistered.open();
        })(),
      ]);
      order.push('outer returns');
    });

    const inner = options.propagation === 'REQUIRES_NEW' ? ['inner'] : [];
    expect(order).toEqual([...inner, 'outer returns', 'sibling']);
  });

  it.each(APART)('gives the outer one’s hooks back after it: %p', async (options) => {
    await run({}, async () => {
      await run(options, () => undefined);
      hook('outer');
    });

    expect(order).toEqual(['outer']);
  });
});

describe.each(KINDS)('%s() is refused', (kind, register) => {
  const attempt = (): void => register(() => undefined);

  it('outside of any transaction, also in a bare context and outsideTransaction()', async () => {
    expect(attempt).toThrow(NoTransactionError);
    expect(attempt).toThrow(expect.objectContaining({ code: 'NO_TRANSACTION', what: `${kind}()` }));
    database.transactions.withContext(() => expect(attempt).toThrow(NoTransactionError));
    await run({ propagation: 'SUPPORTS' }, () => expect(attempt).toThrow(NoTransactionError));
    await run({}, () => outsideTransaction(() => expect(attempt).toThrow(NoTransactionError)));
  });

  it('once the transaction has ended, with its outcome', async () => {
    const end = gate();
    const late = await run({}, async () => ({ work: watched(end.opened.then(attempt)) }));
    end.open();
    const failure = await failureOf(late.work);

    expect(failure).toBeInstanceOf(TransactionEndedError);
    expect(failure).toMatchObject({ outcome: 'committed', message: expect.stringContaining(`${kind}()`) });
  });

  it('once its savepoint has ended, though the transaction goes on', async () => {
    await run({}, async () => {
      const end = gate();
      const late = await run(NESTED, async () => ({ work: watched(end.opened.then(attempt)) }));
      end.open();
      expect(await failureOf(late.work)).toBeInstanceOf(TransactionEndedError);
    });
  });

  it.each<[string, unknown[]]>([
    ['a hook that is no function', ['call me']],
    ['no hook', []],
    ['an unknown option', [() => undefined, { robst: true }]],
    ['an ill-typed option', [() => undefined, { robust: 'yes', dataSource: 1 }]],
    ['a data source that nobody enlisted', [() => undefined, { dataSource: 'reports' }]],
  ])('for %s, at once', async (_what, all) => {
    const wrong = (): unknown => (register as (...all: unknown[]) => unknown)(...all);

    await run({}, () => expect(wrong).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' })));
  });
});
