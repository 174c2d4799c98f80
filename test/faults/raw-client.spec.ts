import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import type { EntityManager } from 'typeorm';
import { gate } from '../support/gate.js';
import { fateOf, pidOf, StrickenDatabase } from './stricken-database.js';

const swallow = (): undefined => undefined;
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

async function clientOf(em: EntityManager): Promise<pg.PoolClient> {
  return (await em.queryRunner!.connect()) as pg.PoolClient;
}

describe('user code that has the raw client', () => {
  it('and releases it, does not give the connection to somebody else in mid-transaction', async () => {
    const isReleased = gate();
    const mayGoOn = gate();
    let pid = 0;
    const work = fateOf(
      database.transactions.run(async (em) => {
        pid = await pidOf(em);
        await database.write('a');
        (await clientOf(em)).release();
        isReleased.open();
        await mayGoOn.opened;
        await database.write('b').catch(swallow);
        throw new Error('undo');
      }),
    );
    await isReleased.opened;
    const others = await Promise.all(
      Array.from({ length: 3 }, () =>
        database.dataSource.query<[{ pid: number }]>('SELECT pg_backend_pid() AS pid, pg_sleep(0.05)'),
      ),
    );
    mayGoOn.open();

    expect((await work).message).toBe('undo');
    expect(others.map(([row]) => row.pid)).not.toContain(pid);
    expect(await database.notes()).toEqual([]);
  });

  it('and ends it, is told that nothing is stored', async () => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('a');
        await (await clientOf(em)).end();
      }),
    );

    expect(fate.outcome).toBe('rolled-back');
    expect(await database.notes()).toEqual([]);
  });

  it('sends with a callback, a name, or a config object, and all of it is in the transaction', async () => {
    const work = database.transactions.run(async (em) => {
      const client = await clientOf(em);
      const insert = 'INSERT INTO note (text) VALUES ($1)';
      await new Promise<void>((resolve, reject) =>
        client.query(insert, ['callback'], (error) => (error ? reject(error) : resolve())),
      );
      await client.query({ name: 'insert', text: insert, values: ['named'] });
      await client.query({ name: 'insert', text: insert, values: ['named again'] });
      await client.query({ text: insert, values: ['config'], rowMode: 'array' });
      throw new Error('undo');
    });

    expect((await fateOf(work)).message).toBe('undo');
    expect(await database.notes()).toEqual([]);
  });
});

describe('a statement that cannot be sent', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;

  it.each([
    ['a circular value', 'SELECT $1::json', [circle]],
    ['a value with a zero byte', 'SELECT $1::text', ['a\0b']],
    ['a text with a zero byte', `SELECT 'a\0b'`, []],
    ['too few values', 'SELECT $1::int, $2::int', [1]],
    ['COPY FROM STDIN', 'COPY note (text) FROM STDIN', []],
  ])('%s: fails alone or with its transaction, and never the next one', async (_name, sql, values) => {
    for (const isFirst of [true, false]) {
      await database.empty();
      const fate = await fateOf(
        database.transactions.run(async (em) => {
          if (!isFirst) await database.write('before');
          await em.query(sql, values).catch(swallow);
          await database.write('after');
        }),
      );
      const notes = await database.notes();

      expect(notes).toEqual(fate !== undefined ? [] : isFirst ? ['after'] : ['after', 'before']);
    }
  });
});
