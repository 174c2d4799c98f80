import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { rounds } from '../support/thoroughness.js';
import { ask } from './exchange.js';
import { PLATFORMS, RunningLibrary } from './running-library.js';

jest.setTimeout(60_000);

const RUNS = rounds({ usual: 100, thorough: 1000 });

/** What Node lets a client send. */
const FIELD_TEXT = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,60}$/);

const TAG = fc
  .tuple(
    fc.constantFrom('', 'W/', 'w/', ' '),
    fc.oneof(fc.nat(), fc.bigInt(), fc.stringMatching(/^[!-~]{0,30}$/)),
  )
  .map(([prefix, opaque]) => `${prefix}"${opaque}"`);
const TAGS = fc
  .array(fc.oneof(TAG, fc.constantFrom('*', '', '"', '"1-abc"', '"-1"', '"1e9"', `"${'9'.repeat(400)}"`)), {
    maxLength: 5,
  })
  .map((tags) => tags.join(','));
const DATE = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.constantFrom(
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    '0',
    '-1',
    'Sun, 06 Nov 99999 08:49:37 GMT',
  ),
);
const CONDITION = fc.oneof(TAGS, DATE, FIELD_TEXT);

const HEADERS = fc.record(
  {
    'if-match': CONDITION,
    'if-none-match': CONDITION,
    'if-modified-since': CONDITION,
    'if-unmodified-since': CONDITION,
    'if-range': CONDITION,
    'accept-language': FIELD_TEXT,
    'x-request-id': FIELD_TEXT,
  },
  { requiredKeys: [] },
);
const METHOD = fc.constantFrom('GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'POST');
const PATH = fc.constantFrom(
  '/books/{id}',
  '/books/{id}/quick',
  '/books/{id}/translated',
  '/books/{id}/strictly',
  '/books/seen',
  '/books/{id}/copies',
  '/books/{id}/looked-at',
  '/volumes/{volume}',
  '/shelves/{shelf}/volumes',
);
const ID = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.uuid(),
      fc.string({ maxLength: 20 }).map(encodeURIComponent),
      fc.constantFrom('%00', '0', '-1'),
    ),
  },
);
const BODY = fc.oneof(
  fc.constant('{"title":"x","copies":1}'),
  fc.constant('{"title":""}'),
  fc.json({ maxDepth: 2 }),
  FIELD_TEXT,
);

describe.each(PLATFORMS)('whatever a client says to %s', (platform) => {
  let library: RunningLibrary;

  beforeAll(async () => {
    library = await RunningLibrary.open({ platform });
  });
  afterAll(() => library.close());

  it('is never the fault of the server', async () => {
    const shelf = await library.library.shelves.save({ name: 'A' });
    const asked = fc.record({ method: METHOD, path: PATH, headers: HEADERS, id: ID, body: BODY });

    await fc.assert(
      fc.asyncProperty(asked, async ({ method, path, headers, id, body }) => {
        const book = await library.newBook();
        const volume = await library.library.volumes.save({ title: 'I', shelf });
        const address = path
          .replace('{id}', id ?? book.id)
          .replace('{volume}', String(volume.id))
          .replace('{shelf}', String(shelf.id));
        const isRead = method === 'GET' || method === 'HEAD';
        const content = isRead
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
        const answer = await ask(library.url + address, {
          method,
          headers: { ...headers, ...content } as Record<string, string>,
          body: isRead ? undefined : body,
        });

        expect(answer.status).toBeLessThan(500);
        if (answer.status >= 400) expect(answer.headers['content-type']).toBe('application/problem+json');
      }),
      { numRuns: RUNS },
    );
  });
});
