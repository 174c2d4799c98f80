import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { finished } from 'node:stream/promises';
import { fateOf, StrickenDatabase } from './stricken-database.js';

let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open();
});
beforeEach(() => database.empty());
afterEach(() => database.expectHealthy());
afterAll(() => database.close());

const swallow = (): undefined => undefined;
const nested = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'NESTED' }, work);

describe.each([
  'SELECT 1; COMMIT',
  'SELECT 1; COMMIT; SELECT 1/0',
  'SELECT 1; COMMIT; SELEC',
  'SELECT 1; COMMIT; BEGIN',
  'SELECT 1; COMMIT AND CHAIN',
  'SELECT 1; ROLLBACK',
  'SELECT 1; ROLLBACK; SELECT 1/0',
  'SELECT 1; ROLLBACK; BEGIN',
  '/* c */ COMMIT',
])('several statements in one text: %p', (sql) => {
  it('are not taken for an ordinary commit, and nothing after them autocommits', async () => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('before');
        await em.query(sql).catch(swallow);
        await database.write('after').catch(swallow);
      }),
    );

    expect(fate).toBeInstanceOf(Error);
    expect(await database.notes()).not.toContain('after');
  });
});

describe('a stream that commits', () => {
  it('is not taken for an ordinary statement, and nothing after it autocommits', async () => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('before');
        const stream = await em.queryRunner!.stream('COMMIT').catch(swallow);
        if (stream) await finished(stream.resume()).catch(swallow);
        await database.write('after').catch(swallow);
      }),
    );

    expect(fate).toBeInstanceOf(Error);
    expect(await database.notes()).not.toContain('after');
  });
});

describe('a mistake in the first statement', () => {
  it.each(['SELEC 1', 'SELECT 1/0', 'SELECT 1; SELEC'])('(%s) is told as the server told it', async (sql) => {
    const fate = await fateOf(database.transactions.run((em) => em.query(sql)));

    expect(fate.driverError?.code).toMatch(/42601|22012/);
  });

  it.each(['SELEC 1', 'SELECT 1/0', 'SELECT $1'])(
    '(%s) of a NESTED call costs only that call',
    async (sql) => {
      const fate = await fateOf(
        database.transactions.run(async (em) => {
          await database.write('outer');
          await nested(() => em.query(sql)).catch(swallow);
          await database.write('later');
        }),
      );

      expect(fate).toBeUndefined();
      expect(await database.notes()).toEqual(['later', 'outer']);
    },
  );
});

describe('a stream', () => {
  it('as the first thing of a NESTED call is inside of its savepoint', async () => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('outer');
        await nested(async () => {
          const stream = await em.queryRunner!.stream(
            `INSERT INTO note (text) VALUES ('inner') RETURNING id`,
          );
          await finished(stream.resume());
          throw new Error('undo');
        }).catch(swallow);
      }),
    );

    expect(fate).toBeUndefined();
    expect(await database.notes()).toEqual(['outer']);
  });

  it('that fails in a NESTED call costs only that call', async () => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('outer');
        await nested(async () => {
          const stream = await em.queryRunner!.stream('SELECT 1/0');
          await finished(stream.resume());
        }).catch(swallow);
        await database.write('later');
      }),
    );

    expect(fate).toBeUndefined();
    expect(await database.notes()).toEqual(['later', 'outer']);
  });

  it('that fails, and whose failure is swallowed, is the cause of what follows', async () => {
    const fate = await fateOf(
      database.transactions.run(async (em) => {
        await database.write('outer');
        const stream = await em.queryRunner!.stream('SELECT 1/0');
        await finished(stream.resume()).catch(swallow);
      }),
    );

    expect(fate).toMatchObject({ outcome: 'rolled-back', cause: { code: '22012' } });
  });

  it.each(['returns', 'throws'])(
    'that is half read when the method %s neither hangs nor leaks',
    async (how) => {
      const own = new Error('out of stock');
      const fate = await fateOf(
        database.transactions.run(async (em) => {
          await database.write('a');
          const stream = await em.queryRunner!.stream('SELECT generate_series(1, 100000)');
          stream.on('error', swallow);
          await stream[Symbol.asyncIterator]().next();
          if (how === 'throws') throw own;
        }),
      );

      expect(fate).toBe(how === 'throws' ? own : undefined);
      expect(await database.notes()).toEqual(how === 'throws' ? [] : ['a']);
    },
  );

  it('beside ordinary statements and NESTED calls takes its turn', async () => {
    await database.transactions.run(async (em) => {
      const stream = await em.queryRunner!.stream('SELECT generate_series(1, 5000) AS n');
      let rows = 0;
      for await (const _row of stream) rows++;
      await Promise.all([database.write('a'), nested(() => database.write('b'))]);
      expect(rows).toBe(5000);
    });

    expect(await database.notes()).toEqual(['a', 'b']);
  });
});
