import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { TransactionControlError } from '@nest-transactional/core';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const STATEMENTS = [
  'COMMIT',
  'commit;',
  '  Commit Work',
  'COMMIT AND CHAIN',
  'END',
  'ROLLBACK',
  'rollback transaction',
  'ABORT',
  'BEGIN',
  'START TRANSACTION ISOLATION LEVEL SERIALIZABLE',
  "PREPARE TRANSACTION 'by-hand'",
  '/* really */ COMMIT',
  '-- really\nCOMMIT',
  'SELECT 1; COMMIT',
];

describe.each(STATEMENTS)('%p sent by user code', (sql) => {
  it('is an error, and the caller learns of it', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await em.query(sql);
    });

    expect(await failureOf(work)).toBeInstanceOf(TransactionControlError);
  });

  it('is not forgotten when the error is swallowed', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await em.query(sql).catch(() => undefined);
    });

    const failure = await failureOf(work);
    expect([failure, failure.cause].some((each) => each instanceof TransactionControlError)).toBe(true);
  });

  it('leaves a pool that works', async () => {
    const work = database.transactions.run((em) => em.query(sql));
    await failureOf(work);
    await failureOf(database.transactions.run(() => writeThenFail('undone')));
    await database.transactions.run(() => database.write('after'));

    expect(await database.notes()).toEqual(['after']);
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });
});

describe.each(STATEMENTS.filter((sql) => !/^(?:SELECT|\/\*|--)/.test(sql)))('%p', (sql) => {
  it('never reaches the server: nothing is stored', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await em.query(sql).catch(() => undefined);
      await em.insert(Note, { text: 'b' }).catch(() => undefined);
    });

    expect(await failureOf(work)).toMatchObject({ outcome: 'rolled-back' });
    expect(await database.notes()).toEqual([]);
  });
});

describe('a COMMIT that reached the server', () => {
  it('is an unknown outcome, and nothing after it autocommits', async () => {
    const work = database.transactions.run(async (em) => {
      await em.insert(Note, { text: 'a' });
      await em.query('SELECT 1; COMMIT').catch(() => undefined);
      await em.insert(Note, { text: 'b' }).catch(() => undefined);
    });
    const failure = await failureOf(work);

    expect([failure.outcome, failure.cause?.outcome]).toContain('unknown');
    expect(await database.notes()).toEqual(['a']);
  });
});

describe('savepoints by SQL', () => {
  it('are user code’s own', async () => {
    await database.transactions.run(async (em) => {
      await em.query('SAVEPOINT mine');
      await em.insert(Note, { text: 'undone' });
      await em.query('ROLLBACK TO SAVEPOINT mine');
      await em.insert(Note, { text: 'undone, too' });
      await em.query('rollback transaction to mine');
      await em.query('RELEASE SAVEPOINT mine');
      await em.insert(Note, { text: 'kept' });
    });

    expect(await database.notes()).toEqual(['kept']);
  });

  it('are recognised by their words only: a text that starts alike is not refused', async () => {
    await database.transactions.run((em) => em.query(`SELECT 'COMMIT'`));
    await database.transactions.run((em) => em.query('WITH "commit" AS (SELECT 1) SELECT * FROM "commit"'));
  });
});

describe('a query runner inside a transaction', () => {
  it.each(['commitTransaction', 'rollbackTransaction'] as const)(
    'cannot %s what it did not start',
    async (method) => {
      const work = database.transactions.run(async () => {
        await database.write('a');
        await database.dataSource.createQueryRunner()[method]();
      });

      expect(await failureOf(work)).toBeInstanceOf(TransactionControlError);
      expect(await database.notes()).toEqual([]);
    },
  );

  it('starts a part of its own, and commits or undoes that', async () => {
    await database.transactions.run(async () => {
      await database.write('outer');
      const runner = database.dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.manager.insert(Note, { text: 'undone' });
      await runner.rollbackTransaction();
      await runner.startTransaction();
      await runner.manager.insert(Note, { text: 'kept' });
      await runner.commitTransaction();
      await runner.release();
    });

    expect(await database.notes()).toEqual(['kept', 'outer']);
  });

  it('may be released at any time: the connection stays the transaction’s', async () => {
    await database.transactions.run(async (em) => {
      const runner = database.dataSource.createQueryRunner();
      await runner.release();
      await em.insert(Note, { text: 'a' });
      await runner.release();
      await em.queryRunner!.release();
      expect(database.pool.idleCount).toBe(database.pool.totalCount - 1);
      await database.write('b');
    });

    expect(await database.notes()).toEqual(['a', 'b']);
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });

  it('stands outside when it was made outside', async () => {
    const outside = database.dataSource.createQueryRunner();
    const work = database.transactions.run(async () => {
      await outside.manager.insert(Note, { text: 'outside' });
      await database.write('inside');
      throw new Error('undo');
    });
    await failureOf(work);
    await outside.release();

    expect(await database.notes()).toEqual(['outside']);
  });
});

async function writeThenFail(text: string): Promise<never> {
  await database.write(text);
  throw new Error('undo');
}
