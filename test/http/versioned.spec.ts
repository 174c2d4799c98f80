import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PLATFORMS, RunningLibrary } from './running-library.js';

describe.each(PLATFORMS)('a versioned resource on %s', (platform) => {
  let library: RunningLibrary;

  beforeAll(async () => {
    library = await RunningLibrary.open({ platform });
  });
  afterAll(() => library.close());

  it('tells its version as a strong entity tag, and when it was changed', async () => {
    const { id, updatedAt } = await library.newBook();

    const { status, headers } = await library.send('GET', `/books/${id}`);

    expect(status).toBe(200);
    expect(headers.get('etag')).toBe('"1"');
    expect(headers.get('last-modified')).toBe(updatedAt.toUTCString());
    expect(headers.get('cache-control')).toBe('private, no-cache');
  });

  it('is not sent again to who has it', async () => {
    const { id } = await library.newBook();

    const { status, headers, text } = await library.send('GET', `/books/${id}`, { 'if-none-match': 'W/"1"' });

    expect([status, text]).toEqual([304, '']);
    expect(headers.get('etag')).toBe('"1"');
    expect(headers.get('content-type')).toBeNull();
  });

  it('is changed by who has seen its version, and tells the new one', async () => {
    const { id } = await library.newBook();

    const { status, headers, body } = await library.send('PATCH', `/books/${id}`, {
      'if-match': '"1"',
      body: { title: 'The Whale' },
    });

    expect([status, body.title, body.version]).toEqual([200, 'The Whale', 2]);
    expect(headers.get('etag')).toBe('"2"');
    expect(headers.get('content-location')).toBe(`/books/${id}`);
  });

  it('is not changed by who has seen another version', async () => {
    const { id } = await library.newBook();
    await library.send('PATCH', `/books/${id}`, { body: { title: 'theirs' } });

    const { status, headers, body } = await library.send('PATCH', `/books/${id}`, {
      'if-match': '"1"',
      body: { title: 'mine' },
    });

    expect([status, body.currentVersion]).toEqual([412, 2]);
    expect(headers.get('etag')).toBeNull();
    expect(await library.titleOf(id)).toBe('theirs');
  });

  it('refuses a stale precondition before the content is looked at', async () => {
    const { id } = await library.newBook();

    const stale = await library.send('PATCH', `/books/${id}`, { 'if-match': '"9"', body: { title: '' } });
    const fresh = await library.send('PATCH', `/books/${id}`, { 'if-match': '"1"', body: { title: '' } });

    expect([stale.status, fresh.status]).toEqual([412, 400]);
  });

  it('verifies a precondition although nothing of the row is written', async () => {
    const { id } = await library.newBook();

    const stale = await library.send('POST', `/books/${id}/looked-at`, { 'if-match': '"9"' });
    const fresh = await library.send('POST', `/books/${id}/looked-at`, { 'if-match': '"1"' });

    expect([stale.status, fresh.status, fresh.headers.get('etag')]).toEqual([412, 204, '"1"']);
  });

  it('asks for a precondition where one is required, but not of what is not there', async () => {
    const { id } = await library.newBook();
    const change = { body: { title: 'x' } };

    expect((await library.send('PATCH', `/books/${id}/strictly`, change)).status).toBe(428);
    expect((await library.send('PATCH', `/books/${randomUUID()}/strictly`, change)).status).toBe(404);
    expect(
      (await library.send('PATCH', `/books/${id}/strictly`, { ...change, 'if-match': '"1"' })).status,
    ).toBe(200);
  });

  it('is created by one of two', async () => {
    const path = `/books/${randomUUID()}`;
    const create = { 'if-none-match': '*', body: { title: 'new' } };

    const answers = await Promise.all([library.send('PUT', path, create), library.send('PUT', path, create)]);

    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 412]));
  });

  it('shares its version with its parts', async () => {
    const shelf = await library.library.shelves.save({ name: 'A' });
    const path = `/shelves/${shelf.id}/volumes`;

    const added = await library.send('POST', path, { 'if-match': '"1"', body: { title: 'I' } });
    const [{ id }] = await library.rows('SELECT id FROM volume WHERE "shelfId" = $1', [shelf.id]);
    const read = await library.send('GET', `/volumes/${id}`);
    const stale = await library.send('PATCH', `/volumes/${id}`, { 'if-match': '"1"', body: { title: 'II' } });
    const fresh = await library.send('PATCH', `/volumes/${id}`, { 'if-match': '"2"', body: { title: 'II' } });
    const unread = await library.send('POST', path, { body: { title: 'III' } });

    expect([added.status, added.headers.get('etag')]).toEqual([201, '"2"']);
    expect([read.status, read.headers.get('etag')]).toEqual([200, '"2"']);
    expect(stale.status).toBe(412);
    expect([fresh.status, fresh.headers.get('etag')]).toEqual([200, '"3"']);
    expect([unread.status, unread.headers.get('etag')]).toEqual([201, '"4"']);
  });
});
