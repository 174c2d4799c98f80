import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { chromium, type Browser, type Page } from 'playwright-core';
import { scratchDirectory } from '../support/database.js';
import { PLATFORMS, RunningLibrary } from './running-library.js';

const run = promisify(execFile);

const CHROMIUM = '/usr/bin/chromium';
const CHROMIUM_OPTIONS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const hasChromium = existsSync(CHROMIUM);
const hasCurl = ['/usr/bin/curl', '/usr/local/bin/curl', '/opt/homebrew/bin/curl'].some((path) =>
  existsSync(path),
);
if (!hasChromium) process.stderr.write(`Skipped: ${CHROMIUM} is not there, so no browser is tested.\n`);
if (!hasCurl) process.stderr.write('Skipped: curl is not there, so it is not tested.\n');

// A browser needs its time to start.
jest.setTimeout(60_000);

/** What the server got, and what it said. */
interface Exchange {
  readonly method: string;
  readonly ifNoneMatch: string | undefined;
  readonly status: number;
}

describe.each(PLATFORMS)('of a library on %s', (platform) => {
  let library: RunningLibrary;
  const seen: Exchange[] = [];

  beforeAll(async () => {
    library = await RunningLibrary.open({ platform });
    const server = library.application.getHttpServer() as Server;
    server.on('request', ({ method, headers, url }, response) => {
      if (!url?.startsWith('/books/')) return;
      response.on('finish', () =>
        seen.push({ method: method!, ifNoneMatch: headers['if-none-match'], status: response.statusCode }),
      );
    });
  });
  beforeEach(() => {
    seen.length = 0;
  });
  afterAll(() => library.close());

  (hasCurl ? describe : describe.skip)('curl', () => {
    it('saves the entity tag, and gets 304 until there is a change', async () => {
      const { id } = await library.newBook();
      const directory = await mkdtemp(join(scratchDirectory(), 'curl-'));
      const [tag, book] = [join(directory, 'tag'), join(directory, 'book')];
      const options = ['-s', '--etag-save', tag, '--etag-compare', tag, '-o', book, '-w', '%{http_code}'];
      const get = async (): Promise<string> =>
        (await run('curl', [...options, `${library.url}/books/${id}`])).stdout;

      const statuses = [await get(), await get()];
      await library.library.rename(id, 'The Whale');
      statuses.push(await get(), await get());

      expect(statuses).toEqual(['200', '304', '200', '304']);
      expect(JSON.parse(await readFile(book, 'utf8'))).toMatchObject({ title: 'The Whale', version: 2 });
    });
  });

  (hasChromium ? describe : describe.skip)('Chromium', () => {
    let browser: Browser;
    let page: Page;

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_OPTIONS });
    });
    beforeEach(async () => {
      page = await (await browser.newContext()).newPage();
      // Any page of the same origin will do.
      await page.goto(`${library.url}/`);
    });
    afterAll(() => browser?.close());

    const get = (path: string): Promise<{ status: number; title: string }> =>
      page.evaluate(async (address) => {
        const response = await fetch(address);
        return { status: response.status, title: ((await response.json()) as { title: string }).title };
      }, path);

    const rename = (path: string, tag: string, title: string): Promise<number> =>
      page.evaluate(
        async ([address, expected, body]) => {
          const headers = { 'content-type': 'application/json', 'if-match': expected! };
          return (await fetch(address!, { method: 'PATCH', headers, body: body! })).status;
        },
        [path, tag, JSON.stringify({ title })],
      );

    it('revalidates what it has in its cache, and does not load it again', async () => {
      const { id } = await library.newBook();
      const answers = [await get(`/books/${id}`), await get(`/books/${id}`)];

      expect(answers).toEqual([
        { status: 200, title: 'Moby-Dick' },
        { status: 200, title: 'Moby-Dick' },
      ]);
      expect(seen).toEqual([
        { method: 'GET', ifNoneMatch: undefined, status: 200 },
        { method: 'GET', ifNoneMatch: '"1"', status: 304 },
      ]);
    });

    it('shows what somebody else has written meanwhile', async () => {
      const { id } = await library.newBook();
      await get(`/books/${id}`);
      await library.library.rename(id, 'The Whale');

      expect(await get(`/books/${id}`)).toEqual({ status: 200, title: 'The Whale' });
      expect(seen.at(-1)).toEqual({ method: 'GET', ifNoneMatch: '"1"', status: 200 });
    });

    it('shows what it has written by itself, and is refused where it has seen something else', async () => {
      const { id } = await library.newBook();
      await get(`/books/${id}`);
      const statuses = [
        await rename(`/books/${id}`, '"1"', 'The Whale'),
        await rename(`/books/${id}`, '"1"', 'too late'),
      ];

      expect(statuses).toEqual([200, 412]);
      expect(await get(`/books/${id}`)).toEqual({ status: 200, title: 'The Whale' });
    });

    it('keeps each variant apart', async () => {
      const { id } = await library.newBook();
      const inLanguage = (language: string): Promise<string> =>
        page.evaluate(
          async ([address, wanted]) => {
            const headers = { 'accept-language': wanted! };
            return ((await (await fetch(address!, { headers })).json()) as { title: string }).title;
          },
          [`/books/${id}/translated`, language],
        );

      const titles = [await inLanguage('de'), await inLanguage('en'), await inLanguage('de')];

      expect(titles).toEqual(['Moby-Dick (de)', 'Moby-Dick (en)', 'Moby-Dick (de)']);
    });
  });
});
