import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import type { TransactionalModuleOptions } from '@nest-transactional/core';
import { COMMIT_LOCK, until } from './aborting.js';
import {
  ModesController,
  NextController,
  opened,
  ResController,
  ShelvesService,
  SseController,
  StepsController,
  StreamsController,
} from './request-modes.js';
import { PLATFORMS, RunningLibrary, type Platform } from './running-library.js';

type Mode = NonNullable<NonNullable<TransactionalModuleOptions['request']>['mode']>;

async function openModes(
  platform: Platform,
  mode: Mode,
  further: Type[] = [StreamsController],
): Promise<RunningLibrary> {
  return await RunningLibrary.open({
    platform,
    controllers: [ModesController, StepsController, ...further],
    providers: [ShelvesService],
    transactional: { request: { mode } },
  });
}

/** A COMMIT of a shelf waits for the observer's lock. */
const SLOW_COMMIT = `
  CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(${COMMIT_LOCK}); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON shelf
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name = 'slow') EXECUTE FUNCTION wait_at_commit();
`;

it('rolls back for the status of an error, whatever the defaults say of errors', async () => {
  const library = await RunningLibrary.open({
    controllers: [ModesController, StepsController],
    providers: [ShelvesService],
    transactional: { request: { mode: 'atomic' }, defaults: { noRollbackFor: [Error] } },
  });
  const { status } = await library.send('POST', '/modes/answered/409/bad');
  const stored = await library.rows('SELECT name FROM shelf');
  await library.close();

  expect([status, stored]).toEqual([409, []]);
});

describe.each(PLATFORMS)('request mode atomic on %s', (platform) => {
  let library: RunningLibrary;
  let shelves: ShelvesService;

  beforeAll(async () => {
    library = await openModes(platform, 'atomic');
    shelves = library.application.get(ShelvesService);
    await library.rows(SLOW_COMMIT);
  });
  beforeEach(async () => {
    await library.rows('DELETE FROM shelf');
    for (const list of [shelves.seen, shelves.hooks, opened]) list.length = 0;
  });
  afterAll(() => library.close());

  const stored = async (): Promise<string[]> =>
    (await library.rows<{ name: string }>('SELECT name FROM shelf ORDER BY name')).map(({ name }) => name);
  const transactionsSeen = (): number => new Set(shelves.seen.map(({ id }) => id)).size;

  it('makes one transaction of all that a request does', async () => {
    const { status } = await library.send('POST', '/modes/pairs/good');

    expect(status).toBe(201);
    expect([shelves.seen.length, transactionsSeen()]).toEqual([2, 1]);
    expect(await stored()).toEqual(['good', 'good again']);
  });

  it('sends no byte of the response before the server has said COMMIT', async () => {
    await library.rows('SELECT pg_advisory_lock($1)', [COMMIT_LOCK]);
    const { hostname, port } = new URL(library.url);
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString()));
    socket.write('POST /modes/shelves/slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND wait_event_type = 'Lock'`;
    await until(
      () => library.rows(sql),
      (rows) => rows.length === 1,
    );
    const receivedBefore = received;
    const hooksBefore = [...shelves.hooks];
    await library.rows('SELECT pg_advisory_unlock_all()');
    await until(
      () => received,
      (text) => text !== '',
    );

    expect([receivedBefore, hooksBefore]).toEqual(['', []]);
    expect(received).toMatch(/^HTTP\/1\.1 201 /);
    expect([shelves.hooks, await stored()]).toEqual([['slow'], ['slow']]);
    socket.destroy();
  });

  it.each([
    ['an exception', '/modes/pairs/bad', 409],
    ['an exception that is no error', '/modes/autocommit/bad', 302],
    ['a status of the client', '/modes/answered/400/bad', 400],
    ['a status of the server', '/modes/answered/503/bad', 503],
    ['a failed statement, although it was caught', '/modes/caught/bad', 500],
  ])('rolls back after %s', async (_what, path, expected) => {
    const { status } = await library.send('POST', path);

    expect(status).toBe(expected);
    expect([await stored(), shelves.hooks]).toEqual([[], []]);
  });

  it.each([200, 202, 303, 304, 399])('keeps what a request with status %i has done', async (expected) => {
    const { status } = await library.send('POST', `/modes/answered/${expected}/good`);

    expect(status).toBe(expected);
    expect([await stored(), shelves.hooks]).toEqual([['good'], ['good']]);
  });

  it('sends the content of a failed status all the same', async () => {
    const { body } = await library.send('POST', '/modes/answered/409/bad');

    expect(body).toEqual({ name: 'bad' });
  });

  it('lets a service of class-level @Transactional() read in a GET, READ ONLY', async () => {
    const { status } = await library.send('GET', '/modes/names');

    expect(status).toBe(200);
    expect(shelves.seen).toMatchObject([{ readOnly: 'on', isolation: 'read committed' }]);
  });

  it.each(['GET /modes/shelves/bad', 'HEAD /modes/head/bad', 'OPTIONS /modes/options/bad'])(
    'refuses a write in %s',
    async (asked) => {
      const [method, path] = asked.split(' ') as [string, string];
      const { status } = await library.send(method, path);

      expect(status).toBe(500);
      expect(await stored()).toEqual([]);
    },
  );

  it('leaves what stands apart committed', async () => {
    const { status } = await library.send('POST', '/modes/apart/kept');

    expect([status, await stored()]).toEqual([409, ['kept']]);
  });

  it("takes on a service's isolation level", async () => {
    const written = await library.send('POST', '/modes/serializable/good');
    const read = await library.send('GET', '/modes/names/repeatable');

    expect([written.status, read.status]).toEqual([201, 200]);
    expect(shelves.seen).toMatchObject([
      { isolation: 'serializable', readOnly: 'off' },
      { isolation: 'repeatable read', readOnly: 'on' },
    ]);
  });

  it('refuses an isolation level after the first statement', async () => {
    const { status, body } = await library.send('POST', '/modes/serializable-late/bad');

    expect([status, body.code]).toEqual([500, 'INCOMPATIBLE_OPTIONS']);
    expect(await stored()).toEqual([]);
  });

  it("retries the whole request where a service's retry asks for it", async () => {
    const { status } = await library.send('POST', '/modes/retried/good');

    expect(status).toBe(201);
    expect(shelves.seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect([transactionsSeen(), await stored(), shelves.hooks]).toEqual([3, ['good'], ['good']]);
  });

  it('answers with the last value of an Observable, as Nest does', async () => {
    const good = await library.send('POST', '/modes/observed/last');
    const bad = await library.send('POST', '/modes/observed/bad');
    const none = await library.send('POST', '/modes/empty');

    expect([good.status, good.text, bad.status, none.status, none.text]).toEqual([201, 'last', 409, 201, '']);
  });

  it('leaves to its own what @NonAtomic() takes out', async () => {
    const statuses = [
      (await library.send('POST', '/modes/by-steps/one')).status,
      (await library.send('GET', '/modes/by-steps/two')).status,
      (await library.send('POST', '/steps/three')).status,
    ];

    expect(statuses).toEqual([409, 200, 409]);
    expect(await stored()).toEqual(['one', 'three', 'two']);
    expect((await library.send('GET', '/modes/streamed')).text).toBe('ab');
    expect((await library.send('GET', '/steps/raw')).text).toBe('raw');
  });

  it.each([
    'POST /streams/file',
    'POST /streams/readable',
    'POST /streams/web',
    'POST /streams/generator',
    'POST /streams/response',
    'POST /streams/bodiless',
    'GET /streams/file',
  ])('refuses the stream that %s returns, closes it, and stores nothing', async (asked) => {
    const [method, path] = asked.split(' ') as [string, string];
    const { status, body } = await library.send(method, path);

    expect([status, body.code]).toEqual([500, 'UNSUPPORTED_RESPONSE']);
    expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
    expect(await stored()).toEqual([]);
  });
});

describe('request mode atomic', () => {
  it.each([
    { name: '@Res()', controller: ResController, message: /ResController\.answer.*@Res\(\)/ },
    { name: '@Next()', controller: NextController, message: /NextController\.pass.*@Next\(\)/ },
    { name: '@Sse()', controller: SseController, message: /SseController\.events.*@Sse\(\)/ },
  ])('refuses $name at start, with what to do about it', async ({ controller, message }) => {
    await expect(openModes('express', 'atomic', [controller])).rejects.toMatchObject({
      code: 'UNSUPPORTED_RESPONSE',
      message: expect.stringMatching(message),
    });
  });
});

describe.each(['opt-in', 'off'] as const)('request mode %s', (mode) => {
  let library: RunningLibrary;

  beforeAll(async () => {
    library = await openModes('fastify', mode, [
      StreamsController,
      ResController,
      NextController,
      SseController,
    ]);
  });
  afterAll(() => library.close());

  it('leaves transactions to the services, and responses to the handlers', async () => {
    const asked = [
      'POST /modes/pairs/bad',
      'POST /modes/answered/409/answered',
      'GET /modes/shelves/got',
      'POST /streams/file',
      'GET /res',
      'GET /sse',
    ];
    const statuses: number[] = [];
    for (const each of asked) {
      const [method, path] = each.split(' ') as [string, string];
      statuses.push((await library.send(method, path)).status);
    }
    const rows = await library.rows('SELECT name FROM shelf ORDER BY name');

    expect(statuses).toEqual([409, 409, 200, 201, 200, 200]);
    expect(rows.map(({ name }) => name)).toEqual(['answered', 'bad', 'bad again', 'file', 'got']);
  });
});
