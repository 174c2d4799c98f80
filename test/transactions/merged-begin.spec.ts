import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CannotCreateTransactionError } from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { WireProxy } from '../support/wire-proxy.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

let proxy: WireProxy;
let database: EnlistedDatabase;

beforeAll(async () => {
  proxy = await WireProxy.to(workerDatabaseUrl());
  database = await EnlistedDatabase.open({ url: proxy.url });
});
beforeEach(async () => {
  proxy.tamper = (message) => message;
  await database.empty();
  await database.dataSource.query('SELECT 1');
  proxy.forget();
});
afterAll(async () => {
  await database.close();
  await proxy.stop();
});

const FORMS: [name: string, sql: string, values: unknown[] | undefined][] = [
  ['with parameters', 'INSERT INTO note (text) VALUES ($1)', ['a']],
  ['without parameters', `INSERT INTO note (text) VALUES ('a')`, undefined],
];

describe.each(FORMS)('BEGIN and a first statement %s', (_name, sql, values) => {
  it('share a round trip', async () => {
    await database.transactions.run(async (em) => {
      await em.query(sql, values);
      expect(proxy.roundTrips).toBe(1);
    });

    expect(proxy.sent.map(({ text }) => text).join('\n')).toMatch(/^BEGIN[\s\S]*INSERT[\s\S]*COMMIT/);
    expect(proxy.roundTrips).toBe(2);
    expect(await database.notes()).toEqual(['a']);
  });

  it('share it with every option of the transaction', async () => {
    await database.transactions.run({ isolation: 'SERIALIZABLE' }, (em) => em.query(sql, values));

    expect(proxy.sent[0]?.text).toContain('BEGIN ISOLATION LEVEL SERIALIZABLE');
    expect(proxy.roundTrips).toBe(2);
  });

  it('fail together: a BEGIN that the server refuses skips the statement', async () => {
    proxy.tamper = (message) => replaced(message, 'BEGIN', 'BEGIM');
    const failure = await failureOf(database.transactions.run((em) => em.query(sql, values)));

    expect(failure).toBeInstanceOf(CannotCreateTransactionError);
    expect(failure).toMatchObject({ outcome: 'not-started', cause: { code: '42601' } });
    expect(await database.notes()).toEqual([]);
  });

  it('work again after a BEGIN that was refused', async () => {
    proxy.tamper = (message) => replaced(message, 'BEGIN', 'BEGIM');
    await failureOf(database.transactions.run((em) => em.query(sql, values)));
    proxy.tamper = (message) => message;
    await database.transactions.run((em) => em.query(sql, values));

    expect(await database.notes()).toEqual(['a']);
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });

  it('send nothing more when the refusal is swallowed', async () => {
    proxy.tamper = (message) => replaced(message, 'BEGIN', 'BEGIM');
    const work = database.transactions.run(async (em) => {
      await em.query(sql, values).catch(() => undefined);
      await em.query(sql, values).catch(() => undefined);
    });

    expect((await failureOf(work)).outcome).not.toBe('committed');
    expect(await database.notes()).toEqual([]);
  });
});

describe('the first statement', () => {
  it('answers with its own rows, not with those of BEGIN', async () => {
    const { transactions } = database;
    expect(await transactions.run((em) => em.query('SELECT 1 AS one'))).toEqual([{ one: 1 }]);
    expect(await transactions.run((em) => em.query('SELECT $1::int AS one', [1]))).toEqual([{ one: 1 }]);
  });

  it('tells the generated id, and how many rows it changed', async () => {
    const { transactions } = database;
    const inserted = await transactions.run((em) => em.insert(Note, { text: 'a' }));
    const updated = await transactions.run((em) => em.update(Note, { text: 'a' }, { likes: 1 }));
    const deleted = await transactions.run((em) => em.query('DELETE FROM note'));

    expect(inserted.identifiers).toEqual([{ id: 1 }]);
    expect(updated.affected).toBe(1);
    expect(deleted).toEqual([[], 1]);
  });

  it('is all that save() sends: it begins and commits nothing by itself', async () => {
    await database.transactions.run((em) => em.save(Note, { text: 'a' }));

    expect(proxy.sent.map(({ text }) => text).join()).not.toContain('SAVEPOINT');
    expect(proxy.roundTrips).toBe(2);
  });

  it('may be several, when it has no parameters', async () => {
    const sql = `INSERT INTO note (text) VALUES ('a'); INSERT INTO note (text) VALUES ('b')`;
    const work = database.transactions.run(async (em) => {
      await em.query(sql);
      throw new Error('undo');
    });
    await failureOf(work);
    expect(await database.notes()).toEqual([]);

    await database.transactions.run((em) => em.query(sql));
    expect(await database.notes()).toEqual(['a', 'b']);
  });

  it.each([
    ['without parameters', 'SELECT nothing FROM note', undefined],
    ['with parameters', 'SELECT nothing + $1::int FROM note', [1]],
  ])('has the position of its error where it stands in its own text, %s', async (_name, sql, values) => {
    const failure = await failureOf(database.transactions.run((em) => em.query(sql, values)));

    expect(failure.driverError).toMatchObject({ code: '42703', position: '8' });
  });

  it('fails alone: the transaction has begun and is rolled back', async () => {
    await database.write('a');
    proxy.forget();
    const failure = await failureOf(database.transactions.run(() => database.write('a')));

    expect(failure.driverError).toMatchObject({ code: '23505' });
    expect(proxy.sent.at(-1)?.text).toContain('ROLLBACK');
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });

  it('may be a prepared statement with a name', async () => {
    const read = (): Promise<unknown> =>
      database.transactions.run(async (em) => {
        const client = await em.queryRunner!.connect();
        const { rows } = await client.query({
          name: 'named',
          text: 'SELECT $1::text AS text',
          values: ['a'],
        });
        return rows;
      });

    expect(await read()).toEqual([{ text: 'a' }]);
    expect(await read()).toEqual([{ text: 'a' }]);
  });
});

describe('values that cannot be sent', () => {
  const unsendable = {
    toPostgres(): never {
      throw new RangeError('cannot be sent');
    },
  };
  const sendIt = (): Promise<unknown> =>
    database.dataSource.query('INSERT INTO note (text) VALUES ($1)', [unsendable]);

  it('reject the first statement, and nothing is stored', async () => {
    const failure = await failureOf(database.transactions.run(sendIt));

    expect(String(failure)).toContain('cannot be sent');
    expect(failure).not.toBeInstanceOf(CannotCreateTransactionError);
    expect(await database.notes()).toEqual([]);
  });

  it('reject a later statement, and what came before is undone', async () => {
    const work = database.transactions.run(async () => {
      await database.write('a');
      await sendIt();
    });

    expect(String(await failureOf(work))).toContain('cannot be sent');
    expect(await database.notes()).toEqual([]);
  });

  it('leave a pool that works', async () => {
    await failureOf(database.transactions.run(sendIt));
    await database.transactions.run(() => database.write('after'));

    expect(await database.notes()).toEqual(['after']);
    expect(database.pool.idleCount).toBe(database.pool.totalCount);
  });
});

describe('the isolation that was asked for holds for the first statement', () => {
  it.each([
    ['SELECT current_setting($1) AS setting', ['transaction_isolation']],
    [`SELECT current_setting('transaction_isolation') AS setting`, undefined],
  ])('%s', async (sql, values) => {
    const rows = await database.transactions.run({ isolation: 'REPEATABLE READ' }, (em) =>
      em.query(sql, values),
    );

    expect(rows).toEqual([{ setting: 'repeatable read' }]);
  });

  it('and so does READ ONLY', async () => {
    const work = database.transactions.run({ readOnly: true }, () => database.write('a'));

    expect((await failureOf(work)).driverError).toMatchObject({ code: '25006' });
  });
});

function replaced(message: Buffer, text: string, by: string): Buffer {
  const at = message.indexOf(text);
  if (at < 0) return message;
  const copy = Buffer.from(message);
  copy.write(by, at);
  return copy;
}
