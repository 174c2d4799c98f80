import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Column, Entity, PrimaryGeneratedColumn, VersionColumn } from 'typeorm';
import type { IsolationLevel, TransactionOptions } from '@nest-transactional/core';
import { cases, rounds } from '../support/thoroughness.js';
import { OptimisticLockError } from './library.js';
import { conflictOn, failureOf, VersionedDatabase } from './versioned-database.js';

const WORKERS = 8;
const ROUNDS = rounds({ usual: 3, thorough: 60 });
const LIMIT_MS = 120_000;

@Entity()
class Account {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 0 })
  cents!: number;

  @VersionColumn()
  version!: number;
}

let database: VersionedDatabase;

beforeAll(async () => {
  database = await VersionedDatabase.open([Account], { poolSize: WORKERS }, { random: () => 0.5 });
});
beforeEach(async () => {
  await database.empty();
  await database.seed(Account, {});
});
afterAll(() => database.close());

const accounts = (): ReturnType<typeof database.repository<Account>> => database.repository(Account);
const stored = async (): Promise<Account> => (await database.plainly(Account).find())[0]!;

async function readAddSave(): Promise<void> {
  const account = await accounts().findOneByOrFail({ id: 1 });
  account.cents++;
  await accounts().save(account);
}

/** What every call of every worker came to: `stored`, or why not. */
async function race(work: () => Promise<unknown>): Promise<unknown[]> {
  const worker = async (): Promise<unknown[]> => {
    const fates: unknown[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      fates.push(
        await work().then(
          () => 'stored',
          (error: unknown) => error,
        ),
      );
    }
    return fates;
  };
  return (await Promise.all(Array.from({ length: WORKERS }, worker))).flat();
}

const successes = (fates: unknown[]): unknown[] => fates.filter((fate) => fate === 'stored');

/** At SERIALIZABLE the server may refuse any statement for what others have read, though the row itself is as it was. */
function isServersOwn(fate: unknown): boolean {
  const { message, driverError } = fate as { message: string; driverError?: { code?: string } };
  return driverError?.code === '40001' && message.includes('read/write dependencies');
}

const LEVELS = cases<IsolationLevel>(['READ COMMITTED', 'REPEATABLE READ'], ['SERIALIZABLE']);
const run = (options: TransactionOptions): Promise<void> => database.transactions.run(options, readAddSave);

describe(`of ${WORKERS} workers that read, add and save ${ROUNDS} times`, () => {
  it.each<[string, () => Promise<void>]>([
    ...LEVELS.map((isolation): [string, () => Promise<void>] => [
      `at ${isolation}`,
      () => run({ isolation }),
    ]),
    ['without a transaction', readAddSave],
    [
      'with an entity that was loaded before the transaction',
      async () => {
        const account = await accounts().findOneByOrFail({ id: 1 });
        account.cents++;
        await database.transactions.run((manager) => manager.save(account));
      },
    ],
  ])(
    'each success counts, and nothing else does: %s',
    async (level, work) => {
      const fates = await race(work);
      const { cents, version } = await stored();

      expect({ cents, version }).toEqual({
        cents: successes(fates).length,
        version: 1 + successes(fates).length,
      });
      const failures = fates.filter((fate) => fate !== 'stored' && !(fate instanceof OptimisticLockError));
      expect(failures.filter((fate) => !level.endsWith('SERIALIZABLE') || !isServersOwn(fate))).toEqual([]);
    },
    LIMIT_MS,
  );

  it.each(LEVELS)(
    'all succeed when they are tried again at %s',
    async (isolation) => {
      const fates = await race(() =>
        run({ isolation, retry: { maxRetries: 50, delayMs: 1, maxDelayMs: 20 } }),
      );

      expect(new Set(fates)).toEqual(new Set(['stored']));
      expect(await stored()).toMatchObject({ cents: WORKERS * ROUNDS, version: 1 + WORKERS * ROUNDS });
    },
    LIMIT_MS,
  );
});

it(
  `of ${WORKERS} workers that remove one row, one succeeds`,
  async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await database.seed(Account, {});
      const fates = await Promise.allSettled(
        Array.from({ length: WORKERS }, () =>
          database.transactions.run(async (manager) => {
            const account = await manager.findOneByOrFail(Account, { id });
            await manager.remove(account);
          }),
        ),
      );

      expect(fates.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  },
  LIMIT_MS,
);

describe('a method that is tried again after a conflict', () => {
  // Else the row would be locked for it, and the other writer would wait for it as it waits for the other writer.
  const retry = { maxRetries: 3, lockConflictingRow: false };
  /** Reads, lets another one write at the attempts that `interferes` tells, and writes. */
  const interrupted = async (interferes: (attempt: number) => boolean): Promise<void> => {
    const account = await accounts().findOneByOrFail({ id: 1 });
    if (interferes(database.transactions.current!.attempt)) await database.interfere(account, { cents: 10 });
    account.cents++;
    await accounts().save(account);
  };

  it.each(LEVELS)('is stored at %s', async (isolation) => {
    await database.transactions.run({ isolation, retry }, () => interrupted((attempt) => attempt < 3));

    expect(await stored()).toMatchObject({ cents: 11, version: 4 });
  });

  it.each(LEVELS)(
    'is in nobody’s way the second time at %s: it holds the row from the start',
    async (isolation) => {
      const attempts: number[] = [];
      let theirSecond: Promise<void> | undefined;
      await database.transactions.run({ isolation, retry: 1 }, async () => {
        const account = await accounts().findOneByOrFail({ id: 1 });
        const theirs = database.interfere(account, { cents: 10 });
        if (attempts.push(database.transactions.current!.attempt) === 1) await theirs;
        else theirSecond = theirs;
        await accounts().save(Object.assign(account, { cents: 5 }));
      });
      await theirSecond;

      expect(attempts).toEqual([1, 2]);
      expect(await stored()).toMatchObject({ cents: 10, version: 4 });
    },
  );

  it('gives up with the last conflict as the cause', async () => {
    const once = { ...retry, maxRetries: 1 };
    const failure = await failureOf(
      database.transactions.run({ retry: once }, () => interrupted(() => true)),
    );

    expect(failure).toMatchObject({ code: 'RETRIES_EXHAUSTED', attempts: 2 });
    expect(failure.cause).toMatchObject(conflictOn('Account', 1, 2));
  });
});
