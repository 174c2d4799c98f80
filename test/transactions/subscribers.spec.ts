import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventSubscriber, type EntitySubscriberInterface, type TransactionStartEvent } from 'typeorm';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

const EVENTS = [
  'beforeTransactionStart',
  'afterTransactionStart',
  'beforeTransactionCommit',
  'afterTransactionCommit',
  'beforeTransactionRollback',
  'afterTransactionRollback',
] as const;

const COMMITTED = EVENTS.slice(0, 4);
const ROLLED_BACK = [...EVENTS.slice(0, 2), ...EVENTS.slice(4)];

let heard: string[] = [];
const nothing = (): void => undefined;
let onStart: (event: TransactionStartEvent) => Promise<unknown> | void = nothing;
let onCommit: () => Promise<unknown> | void = nothing;

@EventSubscriber()
class Listener implements EntitySubscriberInterface {
  beforeTransactionStart = (): void => void heard.push('beforeTransactionStart');
  beforeTransactionRollback = (): void => void heard.push('beforeTransactionRollback');
  afterTransactionCommit = (): void => void heard.push('afterTransactionCommit');
  afterTransactionRollback = (): void => void heard.push('afterTransactionRollback');

  async afterTransactionStart(event: TransactionStartEvent): Promise<void> {
    heard.push('afterTransactionStart');
    await onStart(event);
  }

  async beforeTransactionCommit(): Promise<void> {
    heard.push('beforeTransactionCommit');
    await onCommit();
  }
}

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open({ subscribers: [Listener] });
});
beforeEach(async () => {
  onStart = nothing;
  onCommit = nothing;
  await database.empty();
  heard = [];
});
afterAll(() => database.close());

describe('a subscriber of TypeORM hears', () => {
  it('of the real begin and the real commit, once each', async () => {
    await database.transactions.run(async () => {
      await database.write('a');
      await database.write('b');
      expect(heard).toEqual(COMMITTED.slice(0, 2));
    });

    expect(heard).toEqual(COMMITTED);
  });

  it('of the real rollback', async () => {
    await failureOf(database.transactions.run(() => writeThenFail('a')));

    expect(heard).toEqual(ROLLED_BACK);
  });

  it('nothing of a transaction that never began', async () => {
    await database.transactions.run(() => 'no SQL');
    await failureOf(database.transactions.run(() => Promise.reject(new Error('no'))));

    expect(heard).toEqual([]);
  });

  it('nothing of joined calls, savepoints and transactions by hand', async () => {
    const { transactions, dataSource } = database;
    await transactions.run(async (em) => {
      await transactions.run(() => database.write('joined'));
      await transactions.run({ propagation: 'NESTED' }, () => database.write('nested'));
      await em.transaction((inner) => inner.insert(Note, { text: 'inner' }));
      await failureOf(em.transaction(() => writeThenFail('undone')));
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.commitTransaction();
      expect(heard).toEqual(COMMITTED.slice(0, 2));
    });

    expect(heard).toEqual(COMMITTED);
  });

  it('of no commit that the server refused', async () => {
    const work = database.transactions.run(async (em) => {
      await database.write('a');
      await em.query('SELECT 1/0').catch(() => undefined);
    });
    await failureOf(work);

    expect(heard).not.toContain('afterTransactionCommit');
    expect(heard.at(-1)).toBe('afterTransactionRollback');
  });

  it('of a transaction of its own for REQUIRES_NEW', async () => {
    const { transactions } = database;
    const outer = transactions.run(async () => {
      await database.write('outer');
      await transactions.run({ propagation: 'REQUIRES_NEW' }, () => database.write('separate'));
      throw new Error('undo');
    });
    await failureOf(outer);

    expect(heard).toEqual([...COMMITTED.slice(0, 2), ...COMMITTED, ...ROLLED_BACK.slice(2)]);
  });

  it('the same outside of any transaction of ours, where TypeORM itself begins', async () => {
    await database.dataSource.getRepository(Note).save({ text: 'a' });

    expect(heard).toEqual(COMMITTED);
  });
});

describe('what a subscriber sets at the start', () => {
  const roleOf = async (): Promise<unknown> => {
    const [row] = await database.dataSource.query<{ role: string }[]>(
      `SELECT current_setting('app.role') AS role`,
    );
    return row?.role;
  };

  it('holds for the very first statement, and for this transaction only', async () => {
    await database.dataSource.query(`SET app.role = 'nobody'`);
    onStart = ({ queryRunner }) => queryRunner.query(`SET LOCAL app.role = 'tenant'`);

    expect(await database.transactions.run(roleOf)).toBe('tenant');
    onStart = nothing;
    expect(await database.transactions.run(roleOf)).toBe('nobody');
  });

  it('holds for the first statements that are sent at once', async () => {
    onStart = ({ manager }) => manager.query(`SET LOCAL app.role = 'tenant'`);
    const roles = await database.transactions.run(() => Promise.all([roleOf(), roleOf(), roleOf()]));

    expect(roles).toEqual(['tenant', 'tenant', 'tenant']);
    expect(heard).toEqual(COMMITTED);
  });

  it('is written in the transaction', async () => {
    onStart = ({ manager }) => manager.insert(Note, { text: 'by the subscriber' });
    await failureOf(database.transactions.run(() => writeThenFail('a')));
    expect(await database.notes()).toEqual([]);

    await database.transactions.run(() => database.write('a'));
    expect(await database.notes()).toEqual(['a', 'by the subscriber']);
  });
});

describe('a subscriber that fails', () => {
  const failure = new Error('no role for this tenant');

  it('at the start, undoes the transaction', async () => {
    onStart = () => Promise.reject(failure);

    const thrown = await failureOf(database.transactions.run(() => database.write('a')));
    expect([thrown, thrown.cause]).toContain(failure);
    expect(await database.notes()).toEqual([]);
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });

  it('before the commit, undoes the transaction', async () => {
    onCommit = () => Promise.reject(failure);

    await expect(database.transactions.run(() => database.write('a'))).rejects.toBe(failure);
    expect(await database.notes()).toEqual([]);
    expect(heard.at(-1)).toBe('afterTransactionRollback');
  });
});

describe('a subscriber before the commit', () => {
  it('can still write in the transaction', async () => {
    onCommit = () => database.write('at the last moment');
    await database.transactions.run(() => database.write('a'));

    expect(await database.notes()).toEqual(['a', 'at the last moment']);
  });
});

async function writeThenFail(text: string): Promise<never> {
  await database.write(text);
  throw new Error('undo');
}
