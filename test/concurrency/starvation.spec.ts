import { afterEach, describe, expect, it } from '@jest/globals';
import { ConnectionStarvationError, outsideTransaction } from '@nest-transactional/core';
import { fateOf, StrickenDatabase, within } from '../faults/stricken-database.js';
import { gate } from '../support/gate.js';
import { cases } from '../support/thoroughness.js';

/** How long anybody may wait for a second connection, in milliseconds; the default. */
const WAIT_MS = 1000;
const PATIENCE_MS = 3 * WAIT_MS;
let database: StrickenDatabase;

afterEach(async () => {
  await database.expectHealthy();
  await database.close();
});

async function open(poolSize: number): Promise<void> {
  database = await StrickenDatabase.open({ dataSource: { poolSize } });
}

const separate = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'REQUIRES_NEW' }, work);
const bare = (work: () => Promise<unknown>): Promise<unknown> =>
  database.transactions.run({ propagation: 'NOT_SUPPORTED' }, work);

/** Resolves for each when all have come. */
function meeting(parties: number): () => Promise<void> {
  const all = gate();
  let missing = parties;
  return () => {
    if (--missing === 0) all.open();
    return all.opened;
  };
}

describe.each(cases([1, 5], [2]))('a pool of %i, with as many callers', (size) => {
  const callers = Array.from({ length: size }, (_, number) => number);

  it.each([
    ['REQUIRES_NEW', separate],
    ['NOT_SUPPORTED', bare],
    ['outsideTransaction', <T>(work: () => T): T => outsideTransaction(work)],
  ])('that each ask for %s after a statement: someone is told, the others complete', async (_name, apart) => {
    await open(size);
    const meet = meeting(size);
    const fates = await Promise.all(
      callers.map((number) =>
        fateOf(
          database.transactions.run(async () => {
            await database.write(`outer ${number}`);
            await meet();
            await apart(() => database.write(`apart ${number}`));
          }),
          PATIENCE_MS,
        ),
      ),
    );
    const told = callers.filter((number) => fates[number] !== undefined);

    expect(told.length).toBeGreaterThan(0);
    for (const number of told) expect(fates[number]).toBeInstanceOf(ConnectionStarvationError);
    const fine = callers.filter((number) => !told.includes(number));
    expect(await database.notes()).toEqual(
      fine.flatMap((number) => [`outer ${number}`, `apart ${number}`]).toSorted(),
    );
  });

  it('that each ask for both at once is told as well', async () => {
    await open(size);
    const fates = await Promise.all(
      callers.map((number) =>
        fateOf(
          database.transactions.run(() =>
            Promise.all([
              database.write(`outer ${number}`),
              separate(() => database.write(`apart ${number}`)),
            ]),
          ),
          PATIENCE_MS,
        ),
      ),
    );

    for (const fate of fates) if (fate !== undefined) expect(fate).toBeInstanceOf(ConnectionStarvationError);
  });

  it('may be caught, and the caller goes on', async () => {
    await open(size);
    const meet = meeting(size);
    const fates = await Promise.all(
      callers.map((number) =>
        fateOf(
          database.transactions.run(async () => {
            await database.write(`outer ${number}`);
            await meet();
            await separate(() => database.write(`apart ${number}`)).catch(() => undefined);
            await database.write(`later ${number}`);
          }),
          PATIENCE_MS,
        ),
      ),
    );

    expect(fates).toEqual(callers.map(() => undefined));
    expect(await database.notes()).toEqual(
      expect.arrayContaining(callers.map((number) => `later ${number}`)),
    );
  });
});

describe('a chain of REQUIRES_NEW', () => {
  it('that is longer than the pool is told at its last link', async () => {
    await open(2);
    const link = async (depth: number): Promise<void> => {
      await database.write(`link ${depth}`);
      if (depth < 3) await separate(() => link(depth + 1));
    };
    const fate = await fateOf(
      database.transactions.run(() => link(1)),
      PATIENCE_MS,
    );

    expect(fate).toBeInstanceOf(ConnectionStarvationError);
    expect(fate).toMatchObject({ held: 2, waitedMs: 0, outcome: 'not-started', retryable: true });
    expect(await database.notes()).toEqual([]);
  });

  it('for which there is room works', async () => {
    await open(3);
    const link = async (depth: number): Promise<void> => {
      await database.write(`link ${depth}`);
      if (depth < 3) await separate(() => link(depth + 1));
    };
    await database.transactions.run(() => link(1));

    expect(await database.notes()).toEqual(['link 1', 'link 2', 'link 3']);
  });
});

describe('no false alarm', () => {
  it('where callers without a connection outnumber the pool', async () => {
    await open(2);
    await within(
      PATIENCE_MS,
      Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          database.transactions.run(() => separate(() => database.write(`apart ${number}`))),
        ),
      ),
      'the callers',
    );

    expect(await database.notes()).toHaveLength(20);
  });

  it('where one connection is left for all', async () => {
    await open(4);
    const meet = meeting(3);
    await Promise.all(
      [0, 1, 2].map((number) =>
        database.transactions.run(async () => {
          await database.write(`outer ${number}`);
          await meet();
          for (let round = 0; round < 10; round++) {
            await separate(() => database.write(`apart ${number} ${round}`));
          }
        }),
      ),
    );

    expect(await database.notes()).toHaveLength(33);
  });
});
