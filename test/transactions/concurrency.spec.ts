import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { settle } from '../support/gate.js';
import { EnlistedDatabase } from './enlisted-database.js';
import { Note } from './entities.js';

const TRANSACTIONS = 300;
let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open({ poolSize: 10 });
});
beforeEach(() => database.empty());
afterAll(() => database.close());

/** What a statement of this call tree runs in, told by the server and by the library. */
async function whereAmI(): Promise<string> {
  const [row] = await database.dataSource.query<{ pid: number; xid: string }[]>(
    'SELECT pg_backend_pid() AS pid, pg_current_xact_id()::text AS xid',
  );
  return `${row?.pid} ${row?.xid} ${database.transactions.current?.id}`;
}

it(`keeps ${TRANSACTIONS} concurrent transactions apart on ten connections`, async () => {
  const seen: Set<string>[] = [];
  const one = async (number: number): Promise<void> => {
    const places = new Set<string>();
    seen.push(places);
    await database.transactions.run(async (em) => {
      const text = `note ${number}`;
      places.add(await whereAmI());
      await em.insert(Note, { text });
      await settle(number % 3);
      places.add(await whereAmI());
      await database.dataSource.getRepository(Note).increment({ text }, 'likes', number);
      places.add(await whereAmI());
      if (number % 2 === 1) throw new Error('undo');
    });
  };
  const results = await Promise.allSettled(Array.from({ length: TRANSACTIONS }, (_, number) => one(number)));

  expect(seen.map((places) => places.size)).toEqual(Array(TRANSACTIONS).fill(1));
  expect(new Set(seen.flatMap((places) => [...places])).size).toBe(TRANSACTIONS);
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(TRANSACTIONS / 2);
  const { rows } = await database.observer.query('SELECT text, likes FROM note ORDER BY likes');
  expect(rows).toEqual(
    Array.from({ length: TRANSACTIONS / 2 }, (_, half) => ({ text: `note ${2 * half}`, likes: 2 * half })),
  );
  expect(database.pool).toMatchObject({ totalCount: 10, idleCount: 10, waitingCount: 0 });
});

it('lets calls without a transaction run between them', async () => {
  const transactions = Array.from({ length: 40 }, (_, number) =>
    database.transactions.run(async () => {
      await database.write(`undone ${number}`);
      throw new Error('undo');
    }),
  );
  const plain = Array.from({ length: 40 }, (_, number) => database.write(`kept ${number}`));
  await Promise.allSettled([...transactions, ...plain]);

  expect(await database.notes()).toEqual(Array.from({ length: 40 }, (_, n) => `kept ${n}`).sort());
});

it('isolates as the server does: one does not see what the other has not committed', async () => {
  const counts: number[] = [];
  await Promise.all(
    [1, 2, 3].map((number) =>
      database.transactions.run({ isolation: 'REPEATABLE READ' }, async (em) => {
        await em.insert(Note, { text: `note ${number}` });
        counts.push(await em.count(Note));
      }),
    ),
  );

  expect(Math.max(...counts)).toBeLessThanOrEqual(3);
  expect(await database.notes()).toHaveLength(3);
});
