import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, Entity, PrimaryColumn, VersionColumn, type EntityManager } from 'typeorm';
import { gate } from '../support/gate.js';
import { HeldClock } from '../support/held-clock.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

@Entity()
class Shelf {
  @PrimaryColumn()
  id!: string;

  @Column()
  stock!: number;

  @VersionColumn()
  version!: number;
}

let database: EnlistedDatabase;
let sent: string[];

beforeAll(async () => {
  const logger = { logQuery: (sql: string) => sent?.push(sql), ...silent() };
  database = await EnlistedDatabase.open(
    { entities: [Shelf], logging: true, logger: logger as never },
    { clock: new HeldClock() },
  );
});
beforeEach(async () => {
  await database.observer.query('TRUNCATE shelf');
  await database.observer.query(`INSERT INTO shelf VALUES ('a', 9, 1), ('b''\\', 9, 1), ('c', 9, 1)`);
  sent = [];
});
afterAll(() => database.close());

function silent() {
  const nothing = (): void => undefined;
  return {
    logQueryError: nothing,
    logQuerySlow: nothing,
    logSchemaBuild: nothing,
    logMigration: nothing,
    log: nothing,
  };
}

async function take(em: EntityManager, id: string): Promise<void> {
  const shelf = await em.findOneByOrFail(Shelf, { id });
  shelf.stock -= 1;
  await em.save(shelf);
}

/** Takes one of each; at the first try, another one is quicker with the last. */
function takeAll(ids: readonly string[], retry: object): Promise<void> {
  return database.transactions.run({ retry }, async (em) => {
    for (const id of ids.slice(0, -1)) await take(em, id);
    const last = await em.findOneByOrFail(Shelf, { id: ids.at(-1)! });
    if (database.transactions.current!.attempt === 1)
      await database.observer.query(
        'UPDATE shelf SET stock = stock - 1, version = version + 1 WHERE id = $1',
        [last.id],
      );
    last.stock -= 1;
    await em.save(last);
  });
}

const locks = (): string[] => sent.filter((sql) => sql.startsWith('SELECT FROM'));
const lockOf = (literal: string): string => `SELECT FROM "shelf" WHERE "id" = ${literal} FOR NO KEY UPDATE`;

describe('after a conflict, the next try begins by locking', () => {
  it('what the failed one had written, in its order, and the row of the conflict', async () => {
    await takeAll(['c', 'a', "b'\\"], { maxRetries: 3 });

    expect(locks()).toEqual([lockOf("'c'"), lockOf("'a'"), lockOf("E'b''\\\\'")]);
    expect(sent[sent.indexOf(locks()[0]!) - 1]).toMatch(/^(?:BEGIN|START TRANSACTION)/);
    const { rows } = await database.observer.query('SELECT id, stock FROM shelf ORDER BY id');
    expect(rows.map(({ stock }) => stock as number)).toEqual([8, 7, 8]);
  });

  it('nothing where that is switched off', async () => {
    await takeAll(['a', 'c'], { maxRetries: 3, delayMs: 0, lockConflictingRow: false });

    expect(locks()).toEqual([]);
  });

  it('nothing after a precondition of the caller, which is not tried again', async () => {
    const { expectVersion } = await import('@nest-transactional/core');
    const work = database.transactions.run({ retry: 3 }, async (em) => {
      expectVersion(Shelf, 'a', 7);
      await take(em, 'a');
    });

    expect(await failureOf(work)).toMatchObject({ code: 'OPTIMISTIC_LOCK', expected: 7, retryable: false });
    expect(locks()).toEqual([]);
  });
});

describe('many callers that meet at one row', () => {
  it('lose nothing, and are tried again at most twice', async () => {
    const attempts: number[] = [];
    const calls = Array.from({ length: 60 }, () =>
      database.transactions.run({ retry: 5, label: 'hot' }, async (em) => {
        await take(em, 'a');
        attempts.push(database.transactions.current!.attempt);
      }),
    );
    await Promise.all(calls);

    const { rows } = await database.observer.query(`SELECT stock, version FROM shelf WHERE id = 'a'`);
    expect(rows).toEqual([{ stock: 9 - 60, version: 61 }]);
    expect(Math.max(...attempts)).toBeLessThanOrEqual(3);
  });

  describe('lock it when they find it', () => {
    const crowd = gate();
    const foundAndLocked = (): boolean => sent.some((sql) => /FROM "shelf".*FOR NO KEY UPDATE OF/.test(sql));

    /** Meets a conflict at its first try. */
    const meetConflict = (label: string): Promise<void> =>
      database.transactions.run({ retry: 1, label }, async (em) => {
        const shelf = await em.findOneByOrFail(Shelf, { id: 'a' });
        if (database.transactions.current!.attempt === 1)
          await database.observer.query(`UPDATE shelf SET version = version + 1 WHERE id = 'a'`);
        shelf.stock -= 1;
        await em.save(shelf);
      });

    it('once conflicts pile up there, for as long as others are under way', async () => {
      for (let conflict = 0; conflict < 3; conflict++) await meetConflict('take');
      const others = Array.from({ length: 3 }, () => database.transactions.run(() => crowd.opened));
      sent = [];
      await database.transactions.run({ retry: 1, label: 'look' }, (em) => em.findOneBy(Shelf, { id: 'a' }));
      await database.transactions.run({ retry: 1, label: 'take' }, (em) => em.findOneBy(Shelf, { id: 'c' }));
      await database.transactions.run({ label: 'take' }, (em) => em.findOneBy(Shelf, { id: 'a' }));
      const reader = { retry: 1, label: 'take', readOnly: true } as const;
      await database.transactions.run(reader, (em) => em.findOneBy(Shelf, { id: 'a' }));
      expect(foundAndLocked()).toBe(false);

      await database.transactions.run({ retry: 1, label: 'take' }, (em) => em.findOneBy(Shelf, { id: 'a' }));
      expect(foundAndLocked()).toBe(true);

      crowd.open();
      await Promise.all(others);
      sent = [];
      await database.transactions.run({ retry: 1, label: 'take' }, (em) => em.findOneBy(Shelf, { id: 'a' }));
      expect(foundAndLocked()).toBe(false);
    });
  });
});
