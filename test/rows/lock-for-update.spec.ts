import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import {
  IncompatibleOptionsError,
  InvalidOptionsError,
  lockForUpdate,
  NoTransactionError,
  RowLockedError,
  TransactionEndedError,
  type RowLockMode,
  type RowLockOptions,
} from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { gate, watched } from '../support/gate.js';
import { failureOf } from '../transactions/enlisted-database.js';
import { Customer, Purchase, Seat } from './entities.js';
import { RowsDatabase } from './rows-database.js';

let database: RowsDatabase;

beforeAll(async () => {
  database = await RowsDatabase.open();
});
beforeEach(async () => {
  await database.empty();
  await customers().insert([{ email: 'ann' }, { email: 'bob' }]);
});
afterAll(() => database.close());

const customers = () => database.repository(Customer);
const seats = () => database.repository(Seat);
const ann = { email: 'ann' };
const lockAnn = (options?: RowLockOptions): Promise<Customer | null> =>
  lockForUpdate(customers(), ann, options);

/** Another transaction holds the row while `work` runs; `before` is what it does to it. */
async function whileHeld<T>(
  work: (release: () => void) => Promise<T>,
  before: () => Promise<unknown> = () => lockAnn(),
): Promise<T> {
  const isHeld = gate();
  const over = gate();
  const holder = watched(
    database.run(async () => {
      await before();
      isHeld.open();
      await over.opened;
    }),
  );
  holder.catch(isHeld.fail);
  await isHeld.opened;
  try {
    return await work(over.open);
  } finally {
    over.open();
    await holder;
  }
}

/** Whether another connection would have to wait for a lock of that kind. */
async function isBlocked(lock: string): Promise<boolean> {
  const attempt = database.observer.query(`SELECT 1 FROM customer WHERE email = 'ann' FOR ${lock} NOWAIT`);
  return await attempt.then(
    () => false,
    (error: { code: string }) => error.code === '55P03',
  );
}

describe('lockForUpdate()', () => {
  it('returns the row', async () => {
    const customer = await database.run(() => lockAnn());

    expect(customer).toBeInstanceOf(Customer);
    expect(customer).toMatchObject({ id: 1, ...ann, version: 1 });
  });

  it('returns null when there is none, or only a soft-deleted one', async () => {
    await customers().softDelete({ email: 'bob' });
    const locked = (email: string) => database.run(() => lockForUpdate(customers(), { email }));

    expect([await locked('carl'), await locked('bob')]).toEqual([null, null]);
  });

  it('is one SELECT, and nothing else', async () => {
    const statements = await database.statementsOf(() => database.run(() => lockAnn()));

    expect(statements).toEqual([
      'BEGIN',
      expect.stringMatching(/^SELECT .* LIMIT 1 FOR NO KEY UPDATE OF "Customer"$/s),
      'COMMIT',
    ]);
  });

  it('with skip it is one, too', async () => {
    const statements = await database.statementsOf(() => database.run(() => lockAnn({ onLocked: 'skip' })));

    expect(statements).toEqual(['BEGIN', expect.stringMatching(/SKIP LOCKED$/), 'COMMIT']);
  });

  it('locks one row where several match', async () => {
    await database.run(async () => {
      const locked = await lockForUpdate(customers(), { visits: 0 });
      const other = locked!.email === 'ann' ? 'bob' : 'ann';
      const lock = database.observer.query(`SELECT 1 FROM customer WHERE email = $1 FOR UPDATE NOWAIT`, [
        other,
      ]);
      await expect(lock).resolves.toMatchObject({ rowCount: 1 });
    });
  });

  it('holds it until the transaction ends', async () => {
    await database.run(async () => {
      await lockAnn();
      expect(await isBlocked('NO KEY UPDATE')).toBe(true);
    });

    expect(await isBlocked('UPDATE')).toBe(false);
  });

  it('gives it free when the savepoint it was taken in is undone', async () => {
    await database.run(async () => {
      const undone = database.run(
        async () => {
          await lockAnn();
          throw new Error('undo');
        },
        { propagation: 'NESTED' },
      );
      await failureOf(undone);
      expect(await isBlocked('UPDATE')).toBe(false);
    });
  });
});

describe('the mode', () => {
  it.each<[mode: RowLockMode | undefined, blocked: string[], free: string[]]>([
    [undefined, ['NO KEY UPDATE', 'UPDATE', 'SHARE'], ['KEY SHARE']],
    ['NO_KEY_UPDATE', ['NO KEY UPDATE', 'UPDATE', 'SHARE'], ['KEY SHARE']],
    ['UPDATE', ['NO KEY UPDATE', 'UPDATE', 'SHARE', 'KEY SHARE'], []],
    ['SHARE', ['NO KEY UPDATE', 'UPDATE'], ['SHARE', 'KEY SHARE']],
    ['KEY_SHARE', ['UPDATE'], ['NO KEY UPDATE', 'SHARE', 'KEY SHARE']],
  ])('%s keeps out what it should', async (mode, blocked, free) => {
    await database.run(async () => {
      await lockAnn({ ...(mode && { mode }) });
      for (const lock of blocked) expect([lock, await isBlocked(lock)]).toEqual([lock, true]);
      for (const lock of free) expect([lock, await isBlocked(lock)]).toEqual([lock, false]);
    });
  });

  it('by default lets others insert rows that refer to the locked one', async () => {
    await whileHeld(async () => {
      await database.repository(Purchase).insert({ customer: { id: 1 } });
      expect(await database.rowsOf('purchase')).toHaveLength(1);
    });
  });

  it('UPDATE lets them wait', async () => {
    await whileHeld(
      async (release) => {
        const insert = watched(database.repository(Purchase).insert({ customer: { id: 1 } }));
        await database.waiting();
        expect(await database.rowsOf('purchase')).toEqual([]);
        release();
        await insert;
      },
      () => lockAnn({ mode: 'UPDATE' }),
    );

    expect(await database.rowsOf('purchase')).toHaveLength(1);
  });
});

describe('a row that another transaction has', () => {
  it('is waited for, and returned as it is then', async () => {
    const locked = await whileHeld(
      async (release) => {
        const late = watched(database.run(() => lockAnn()));
        await database.waiting();
        release();
        return await late;
      },
      () => customers().increment(ann, 'visits', 7),
    );

    expect(locked).toMatchObject({ visits: 7 });
  });

  it('is not returned when it does not match any more', async () => {
    const locked = await whileHeld(
      async (release) => {
        const late = watched(database.run(() => lockAnn()));
        await database.waiting();
        release();
        return await late;
      },
      () => customers().update(ann, { email: 'gone' }),
    );

    expect(locked).toBeNull();
  });

  it('is refused at once with fail, and the transaction goes on', async () => {
    await whileHeld(() =>
      database.run(async () => {
        await customers().insert({ email: 'before' });
        expect(await failureOf(lockAnn({ onLocked: 'fail' }))).toBeInstanceOf(RowLockedError);
        await customers().insert({ email: 'after' });
      }),
    );

    const emails = (await database.rowsOf<Customer>('customer')).map(({ email }) => email);
    expect(emails.toSorted()).toEqual(['after', 'ann', 'before', 'bob']);
  });

  it('is told with all that is known', async () => {
    const failure = await whileHeld(() => failureOf(database.run(() => lockAnn({ onLocked: 'fail' }))));

    expect(failure).toMatchObject({
      code: 'ROW_LOCKED',
      entity: 'Customer',
      where: ann,
      outcome: 'not-started',
      retryable: true,
      cause: { driverError: { code: '55P03' } },
    });
  });

  it('can be tried again by the transaction’s retry', async () => {
    let attempts = 0;
    const isLocked = (error: unknown): boolean => error instanceof RowLockedError;
    await whileHeld((release) =>
      database.run(
        async () => {
          // The second try waits: it begins before the other transaction has ended.
          if (++attempts === 2) release();
          await lockAnn({ onLocked: attempts === 1 ? 'fail' : 'wait' });
        },
        { retry: { maxRetries: 1, on: isLocked } },
      ),
    );

    expect(attempts).toBe(2);
  });

  it('is skipped with skip', async () => {
    const locked = await whileHeld(() =>
      database.run(() => lockForUpdate(customers(), { visits: 0 }, { onLocked: 'skip' })),
    );

    expect(locked).toMatchObject({ email: 'bob' });
  });

  it('is null with skip when there is no other', async () => {
    expect(await whileHeld(() => database.run(() => lockAnn({ onLocked: 'skip' })))).toBeNull();
  });
});

describe('timeoutMs', () => {
  const lockTimeout = async (): Promise<string> => {
    const [row] = await customers().query('SHOW lock_timeout');
    return row.lock_timeout;
  };

  it('limits the wait, and the transaction goes on', async () => {
    await whileHeld(() =>
      database.run(async () => {
        expect(await failureOf(lockAnn({ timeoutMs: 1 }))).toBeInstanceOf(RowLockedError);
        await customers().insert({ email: 'after' });
      }),
    );

    expect(await database.rowsOf('customer')).toHaveLength(3);
  });

  it.each<[what: string, set: string, before: string]>([
    ['the server’s own', 'SELECT 1', '0'],
    ['one that was set for the transaction', `SET LOCAL lock_timeout = '1234ms'`, '1234ms'],
  ])('gives way to %s again, whether the row was locked or not', async (_what, set, before) => {
    await whileHeld(() =>
      database.run(async () => {
        await customers().query(set);
        await failureOf(lockAnn({ timeoutMs: 1 }));
        expect(await lockTimeout()).toBe(before);
        expect(await lockForUpdate(customers(), { email: 'bob' }, { timeoutMs: 500 })).not.toBeNull();
        expect(await lockTimeout()).toBe(before);
      }),
    );

    expect(await lockTimeout()).toBe('0');
  });

  it('holds for this one statement', async () => {
    const seen: string[] = [];
    database.between.after = async (sql) => {
      database.between.after = () => Promise.resolve();
      if (sql.includes('set_config')) seen.push(await lockTimeout());
    };
    await database.run(() => lockAnn({ timeoutMs: 1500.2 }));

    expect(seen).toEqual(['1501ms']);
  });

  it('does not lose the lock with the savepoint around it', async () => {
    await database.run(async () => {
      await lockAnn({ timeoutMs: 500 });
      await customers().count();
      expect(await isBlocked('NO KEY UPDATE')).toBe(true);
    });
  });

  it('goes with skip, too', async () => {
    const skip = { onLocked: 'skip', timeoutMs: 500 } as const;

    expect(await whileHeld(() => database.run(() => lockAnn(skip)))).toBeNull();
  });
});

describe('a lock_timeout of the user’s own', () => {
  it('stays what it is: a failed statement', async () => {
    const failure = await whileHeld(() =>
      failureOf(
        database.run(async () => {
          await customers().query(`SET LOCAL lock_timeout = '1ms'`);
          await lockAnn();
        }),
      ),
    );

    expect(failure).toMatchObject({ driverError: { code: '55P03' } });
  });
});

describe('an entity with an eager relation and a composite key', () => {
  const place = { hall: 'A', number: 7 };

  beforeEach(async () => {
    await seats().insert({ ...place, holder: { id: 1 } });
    await seats().insert({ hall: 'A', number: 8 });
  });

  it('is locked, and comes with the relation; related rows are not locked', async () => {
    await database.run(async () => {
      expect(await lockForUpdate(seats(), place)).toMatchObject({ ...place, holder: { email: 'ann' } });
      expect(await isBlocked('UPDATE')).toBe(false);
      const seat = database.observer.query('SELECT 1 FROM seat WHERE number = 7 FOR NO KEY UPDATE NOWAIT');
      await expect(seat).rejects.toMatchObject({ code: '55P03' });
    });
  });

  it('is joined to the relation only when it is locked', async () => {
    const statements = await database.statementsOf(() => database.run(() => lockForUpdate(seats(), place)));

    expect(statements).toEqual([
      'BEGIN',
      expect.stringMatching(/^(?!.*JOIN).*FOR NO KEY UPDATE/s),
      expect.stringMatching(/^(?!.*FOR NO KEY UPDATE).*JOIN/s),
      'COMMIT',
    ]);
  });

  it('is locked where there is nothing to join', async () => {
    const empty = { hall: 'A', number: 8 };

    expect(await database.run(() => lockForUpdate(seats(), empty))).toMatchObject({ ...empty, holder: null });
  });

  it('can be looked for by the relation, which is not locked', async () => {
    await database.run(async () => {
      expect(await lockForUpdate(seats(), { holder: ann })).toMatchObject(place);
      expect(await isBlocked('UPDATE')).toBe(false);
    });
  });

  it('comes with the related row that it refers to after the wait', async () => {
    const locked = await whileHeld(
      async (release) => {
        const late = watched(database.run(() => lockForUpdate(seats(), place)));
        await database.waiting();
        release();
        return await late;
      },
      () => seats().update(place, { holder: { id: 2 } }),
    );

    expect(locked).toMatchObject({ holder: { email: 'bob' } });
  });
});

describe.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)('at %s', (isolation) => {
  it.each<[how: string, options: RowLockOptions]>([
    ['waiting', {}],
    ['with a limit', { timeoutMs: 500 }],
    ['at once or not at all', { onLocked: 'fail' }],
  ])('a row that was changed meanwhile is 40001, %s, which retry handles', async (_how, options) => {
    const failures: unknown[] = [];
    const locked = await database.run(
      async () => {
        await customers().count();
        if (failures.length === 0) await database.observer.query('UPDATE customer SET visits = 9');
        return await lockAnn(options).catch((error: unknown) => {
          failures.push(error);
          throw error;
        });
      },
      { isolation, retry: 1 },
    );

    expect(failures).toMatchObject([{ driverError: { code: '40001' } }]);
    expect(locked).toMatchObject({ visits: 9 });
  });
});

describe('is refused before anything is sent', () => {
  const refused = async (call: () => Promise<unknown>): Promise<any> => {
    let failure: unknown;
    const statements = await database.statementsOf(async () => {
      failure = await failureOf(call());
    });
    expect(statements).toEqual([]);
    return failure;
  };

  it('outside of a transaction', async () => {
    const failure = await refused(() => lockAnn());

    expect(failure).toBeInstanceOf(NoTransactionError);
    expect(failure).toMatchObject({ what: 'lockForUpdate()' });
  });

  it('where the transaction is suspended', async () => {
    const suspended = (): Promise<unknown> => database.run(() => lockAnn(), { propagation: 'NOT_SUPPORTED' });

    expect(await refused(() => database.run(suspended))).toBeInstanceOf(NoTransactionError);
  });

  it.each<[string, RowLockOptions]>([
    ['without a savepoint', {}],
    ['with one', { onLocked: 'fail' }],
  ])('in a read-only transaction, %s', async (_how, options) => {
    const failure = await refused(() => database.run(() => lockAnn(options), { readOnly: true }));

    expect(failure).toBeInstanceOf(IncompatibleOptionsError);
    expect(failure).toMatchObject({
      option: 'readOnly',
      message: expect.stringContaining('lockForUpdate()'),
    });
  });

  it('after the end of the transaction', async () => {
    const end = gate();
    const late = gate<Promise<unknown>>();
    await database.run(async () => {
      late.open(watched(end.opened.then(() => lockAnn())));
    });
    end.open();

    expect(await failureOf(late.opened)).toBeInstanceOf(TransactionEndedError);
  });

  it.each<[options: object, option: string, message: string]>([
    [{ mode: 'KEY' }, 'mode', `'NO_KEY_UPDATE'`],
    [{ onLocked: 'nowait' }, 'onLocked', `'wait', 'fail', 'skip'`],
    [{ timeoutMs: 0 }, 'timeoutMs', 'milliseconds'],
    [{ timeout: 5 }, 'timeout', `'timeoutMs'`],
  ])('with the options %j', async (options, option, message) => {
    const failure = await refused(() => database.run(() => lockAnn(options)));

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option, message: expect.stringContaining(message) });
  });

  it.each<[what: string, where: object]>([
    ['nothing', {}],
    ['only undefined', { email: undefined }],
  ])('with %s in where', async (_what, where) => {
    const failure = await refused(() => database.run(() => lockForUpdate(customers(), where)));

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option: 'where' });
  });

  it('for a data source that is not enlisted', async () => {
    const stranger = await new DataSource({
      type: 'postgres',
      url: workerDatabaseUrl(),
      entities: [Customer, Purchase],
    }).initialize();
    const failure = await failureOf(database.run(() => lockForUpdate(stranger.getRepository(Customer), ann)));
    await stranger.destroy();

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option: 'dataSource' });
  });
});
