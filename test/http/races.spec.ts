import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { gate } from '../support/gate.js';
import { cases, rounds } from '../support/thoroughness.js';
import { BooksController, ShelvesController, VolumesController } from './library.js';
import { RacingController, RacingService } from './racing.js';
import { RunningLibrary, type Answer, type LibraryParts } from './running-library.js';

jest.setTimeout(rounds({ usual: 20_000, thorough: 180_000 }));

/** Races at once: each on a row of its own, so that they only share the pool. */
const LANES = 4;

async function openRacing(parts: LibraryParts = {}): Promise<RunningLibrary> {
  const controllers = [BooksController, ShelvesController, VolumesController, RacingController];
  return await RunningLibrary.open({ controllers, providers: [RacingService], ...parts });
}

/** Runs `race` as often as told, in lanes; all that it resolves with. */
async function repeat<T>(count: number, race: () => Promise<T>, lanes = LANES): Promise<T[]> {
  const results: T[] = [];
  const lane = async (): Promise<void> => {
    while (results.length < count) results.push(await race());
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

function statusesOf(answers: readonly Answer[]): number[] {
  return answers.map(({ status }) => status).toSorted((one, other) => one - other);
}

/** Every one is the same, and there are as many as were wanted. */
function expectAll<T>(results: readonly T[], expected: T): void {
  expect([...new Set(results.map((each) => JSON.stringify(each)))]).toEqual([JSON.stringify(expected)]);
}

describe.each(
  cases(
    [
      { platform: 'express', mode: 'opt-in' },
      { platform: 'fastify', mode: 'atomic' },
    ] as const,
    [
      { platform: 'express', mode: 'atomic' },
      { platform: 'fastify', mode: 'opt-in' },
    ] as const,
  ),
)('races on $platform in mode $mode', ({ platform, mode }) => {
  let library: RunningLibrary;

  beforeAll(async () => {
    library = await openRacing({ platform, transactional: { request: { mode } } });
  });
  beforeEach(() => {
    library.application.get(RacingService).between = () => Promise.resolve();
  });
  afterAll(() => library.close());

  /** Two clients that have seen the same; the statuses, and whether the winner's title is stored, once. */
  const raceOfPatches = async (path: (id: string) => string): Promise<unknown> => {
    const { id } = await library.newBook();
    const titles = ['mine', 'theirs'];
    const answers = await Promise.all(
      titles.map((title) => library.send('PATCH', path(id), { 'if-match': '"1"', body: { title } })),
    );
    const [row] = await library.rows('SELECT title, version FROM book WHERE id = $1', [id]);
    const winner = answers.findIndex(({ status }) => status === 200);
    return [...statusesOf(answers), row.version, row.title === titles[winner]];
  };

  const raceOfCreations = async (path: (id: string) => string): Promise<unknown> => {
    const id = randomUUID();
    const titles = ['mine', 'theirs'];
    const answers = await Promise.all(
      titles.map((title) => library.send('PUT', path(id), { 'if-none-match': '*', body: { title } })),
    );
    const winner = answers.findIndex(({ status }) => status === 201);
    return [...statusesOf(answers), (await library.titleOf(id)) === titles[winner]];
  };

  it('two PATCHes of one version: one is made', async () => {
    const results = await repeat(rounds({ usual: 50, thorough: 500 }), () =>
      raceOfPatches((id) => `/books/${id}`),
    );

    expectAll(results, [200, 412, 2, true]);
  });

  it('two PUTs that create: one does', async () => {
    const results = await repeat(rounds({ usual: 50, thorough: 500 }), () =>
      raceOfCreations((id) => `/books/${id}`),
    );

    expectAll(results, [201, 412, true]);
  });

  it.each(['repeatable', 'serializable', 'repeated', 'once'])(
    'two PATCHes of one version, %s: one is made',
    async (how) => {
      const results = await repeat(rounds({ usual: 10, thorough: 200 }), () =>
        raceOfPatches((id) => `/racing/${how}/${id}`),
      );

      expectAll(results, [200, 412, 2, true]);
    },
  );

  it.each(['serializable', 'late', 'upserted', 'twice'])(
    'two PUTs that create, %s: one does',
    async (how) => {
      const results = await repeat(rounds({ usual: 10, thorough: 200 }), () =>
        raceOfCreations((id) => `/racing/${how}/${id}`),
      );

      expectAll(results, [201, 412, true]);
    },
  );

  it.each(['late', 'upserted'])(
    'a PUT that finds what another one has created since the condition was evaluated, %s: it is refused',
    async (how) => {
      const id = randomUUID();
      const [isReading, mayGoOn] = [gate(), gate()];
      library.application.get(RacingService).between = () => {
        isReading.open();
        return mayGoOn.opened;
      };
      const loser = library.send('PUT', `/racing/${how}/${id}`, {
        'if-none-match': '*',
        body: { title: 'late' },
      });
      await isReading.opened;
      const winner = await library.send('PUT', `/books/${id}`, { body: { title: 'first' } });
      mayGoOn.open();

      expect([winner.status, (await loser).status, await library.titleOf(id)]).toEqual([201, 412, 'first']);
    },
  );

  it.each([
    ['/volumes', 500],
    ['/racing/volumes', 200],
  ])('a PATCH of a part at %s against a change of its root: one is made', async (path, thorough) => {
    const results = await repeat(rounds({ usual: 20, thorough }), async () => {
      const shelf = await library.library.shelves.save({ name: 'A' });
      const { id } = await library.library.volumes.save({ title: 'I', shelf });
      const headers = { 'if-match': '"2"' };
      const answers = await Promise.all([
        library.send('PATCH', `${path}/${id}`, { ...headers, body: { title: 'II' } }),
        library.send('POST', `/racing/shelves/${shelf.id}/cancel`, headers),
      ]);
      const [row] = await library.rows(
        'SELECT name, title, version FROM shelf JOIN volume ON "shelfId" = shelf.id WHERE shelf.id = $1',
        [shelf.id],
      );
      const isConsistent = (row.name === 'cancelled') !== (row.title === 'II');
      return [statusesOf(answers), row.version, isConsistent];
    });

    expectAll(results, [[200, 412], 3, true]);
  });

  it('a PATCH against a DELETE: one is made, and the other is refused or finds nothing', async () => {
    const results = await repeat(rounds({ usual: 20, thorough: 500 }), async () => {
      const { id } = await library.newBook();
      const headers = { 'if-match': '"1"' };
      const [patched, deleted] = await Promise.all([
        library.send('PATCH', `/books/${id}`, { ...headers, body: { title: 'mine' } }),
        library.send('DELETE', `/books/${id}`, headers),
      ]);
      return `${patched.status} ${deleted.status}`;
    });

    for (const result of new Set(results)) expect(['200 412', '404 204', '412 204']).toContain(result);
  });

  it('many clients that have seen nothing in particular: none is refused', async () => {
    const { id } = await library.newBook();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => library.send('POST', `/books/${id}/copies`, { body: { copies: 1 } })),
    );
    const [row] = await library.rows('SELECT copies, version FROM book WHERE id = $1', [id]);

    expectAll(statusesOf(answers), 200);
    expect(row).toEqual({ copies: 10, version: 11 });
  });
});

describe.each(['opt-in', 'atomic'] as const)('races for a pool of two connections in mode %s', (mode) => {
  let library: RunningLibrary;

  beforeAll(async () => {
    library = await openRacing({ poolSize: 2, transactional: { request: { mode } } });
  });
  afterAll(() => library.close());

  it.each(['/books', '/racing/repeatable', '/racing/serializable'])(
    'twenty PATCHes at %s of one version: one is made',
    async (path) => {
      const results = await repeat(
        rounds({ usual: 2, thorough: 50 }),
        async () => {
          const { id } = await library.newBook();
          const answers = await Promise.all(
            Array.from({ length: 20 }, (_, number) =>
              library.send('PATCH', `${path}/${id}`, { 'if-match': '"1"', body: { title: String(number) } }),
            ),
          );
          return statusesOf(answers);
        },
        1,
      );

      expectAll(results, [200, ...Array.from({ length: 19 }, () => 412)]);
    },
  );

  it.each(['/books', '/racing/serializable', '/racing/late', '/racing/upserted', '/racing/twice'])(
    'twenty PUTs at %s that create: one does',
    async (path) => {
      const results = await repeat(
        rounds({ usual: 2, thorough: 50 }),
        async () => {
          const id = randomUUID();
          const create = { 'if-none-match': '*', body: { title: 'new' } };
          const answers = await Promise.all(
            Array.from({ length: 20 }, () => library.send('PUT', `${path}/${id}`, create)),
          );
          return statusesOf(answers);
        },
        1,
      );

      expectAll(results, [201, ...Array.from({ length: 19 }, () => 412)]);
    },
  );
});
