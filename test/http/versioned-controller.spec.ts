import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createVersionedController } from '@nest-transactional/http';
import { PLATFORMS, RunningStockroom } from './running-stockroom.js';
import { Article, Leaflet, Ticket } from './stockroom.js';

const UNKNOWN = '7f7c3a0e-6f0e-4d0b-9a0c-2f5a3a1c9d11';
const IF_NONE = { 'if-none-match': '*' };
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };

const CONTROLLERS = [
  createVersionedController(Article, { path: 'articles' }),
  createVersionedController(Ticket, { path: 'tickets' }),
  createVersionedController(Leaflet, { path: 'leaflets', putCreates: true }),
];

describe.each(PLATFORMS)('a versioned controller on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    room = await RunningStockroom.open({ platform, controllers: CONTROLLERS });
  });
  afterAll(() => room.close());

  const article = (values: object = {}) => ({ sku: 'X', name: 'X', price: 1, size: {}, ...values });
  const stored = async (id: string) => (await room.rows('SELECT * FROM article WHERE id = $1', [id]))[0];

  describe('create', () => {
    it('answers 201 with the row, where it is, and its version', async () => {
      const { status, headers, body } = await room.post('/articles', article({ sku: 'NEW', note: 'fresh' }));

      expect(status).toBe(201);
      expect(headers.get('location')).toBe(`/articles/${body.id}`);
      expect(headers.get('etag')).toBe('"1"');
      expect(body).toEqual({
        id: expect.any(String),
        sku: 'NEW',
        name: 'X',
        note: 'fresh',
        price: 1,
        category: 'other',
        weight: null,
        details: {},
        origin: 'origin',
        supplierId: null,
        version: 1,
        createdAt: expect.any(String),
        updatedAt: body.createdAt,
        size: { widthMm: 0, heightMm: null, measuredAt: expect.any(String) },
      });
    });

    it('answers, byte by byte, what GET does', async () => {
      const created = await room.post('/articles', article({ sku: 'SAME', weight: 1.5, origin: 'here' }));
      const got = await room.get(created.headers.get('location')!);

      expect(got.text).toBe(created.text);
      expect(got.headers.get('etag')).toBe(created.headers.get('etag'));
    });

    it('answers 409 to a value that another row has, and names the property but not the value', async () => {
      const { sku } = await room.newArticle({ sku: 'TAKEN-SKU' });
      const { status, body, text } = await room.post('/articles', article({ sku }));

      expect(status).toBe(409);
      expect(body.detail).toBe('Another Article has this sku.');
      expect(text).not.toContain('TAKEN-SKU');
    });

    it.each<[what: string, values: object, status: number, detail: string]>([
      ['a check', { price: -1 }, 422, 'A rule of Article does not allow these values.'],
      ['a reference', { supplierId: 999 }, 422, 'supplierId refers to nothing that is there.'],
      ['a precision', { weight: '12345678.5' }, 422, 'A number is out of range.'],
    ])('answers without SQL when the database refuses %s', async (_what, values, status, detail) => {
      const answer = await room.post('/articles', article({ sku: randomUUID().slice(0, 8), ...values }));

      expect([answer.status, answer.body.detail]).toEqual([status, detail]);
      expect(answer.headers.get('location')).toBeNull();
      expect(answer.text).not.toMatch(/insert|select|constraint|12345678|999/i);
    });

    it('answers 409 when a constraint is checked at COMMIT only, and announces nothing', async () => {
      await room.rows(
        'ALTER TABLE leaflet ADD CONSTRAINT leaflet_text_key UNIQUE (text) DEFERRABLE INITIALLY DEFERRED',
      );
      const [first, second] = [
        await room.put('/leaflets/1', { text: 'a' }),
        await room.put('/leaflets/2', { text: 'a' }),
      ];
      await room.rows('ALTER TABLE leaflet DROP CONSTRAINT leaflet_text_key');

      expect([first.status, second.status, second.body.detail]).toEqual([
        201,
        409,
        'Another Leaflet has this text.',
      ]);
      expect([second.headers.get('location'), second.headers.get('etag')]).toEqual([null, null]);
    });

    it('is not there for keys that the database does not make', async () => {
      expect((await room.post('/leaflets', { text: 'x' })).status).toBe(404);
    });
  });

  describe('read', () => {
    it('gives the row with its version, and 304 to whoever has it', async () => {
      const { id } = await room.newArticle();
      const { status, headers } = await room.get(`/articles/${id}`);

      expect([status, headers.get('etag')]).toEqual([200, '"1"']);
      expect(headers.get('last-modified')).toMatch(/GMT$/);
      expect(headers.get('cache-control')).toBe('private, no-cache');
      expect(headers.get('accept-patch')).toBe('application/merge-patch+json, application/json');
      expect((await room.get(`/articles/${id}`, { 'if-none-match': '"1"' })).status).toBe(304);
    });

    it.each([
      ['/articles/42', 400],
      [`/articles/${UNKNOWN}`, 404],
      ['/tickets/x', 400],
      ['/tickets/1.5', 400],
      ['/tickets/99999999999', 400],
      ['/tickets/999', 404],
      ['/leaflets/none', 404],
      ['/leaflets/a%00b', 400],
    ])('answers %s with %i', async (path, status) => {
      expect((await room.get(path)).status).toBe(status);
    });
  });

  describe('replace', () => {
    it('stores what the body says, and the default or nothing of what it leaves out', async () => {
      const { id } = await room.newArticle({
        note: 'old',
        category: 'home',
        weight: 3,
        details: { a: 1 },
        size: { widthMm: 5, heightMm: 6 },
      });
      const { status, headers, body } = await room.put(
        `/articles/${id}`,
        article({ sku: 'REPLACED', price: 7 }),
      );

      expect([status, headers.get('etag')]).toEqual([200, '"2"']);
      expect(body).toMatchObject({
        id,
        sku: 'REPLACED',
        price: 7,
        note: null,
        category: 'other',
        weight: null,
        details: {},
        version: 2,
        size: { widthMm: 0, heightMm: null },
      });
      expect((await room.get(`/articles/${id}`)).text).toBe(JSON.stringify(body));
    });

    it('takes back what GET has given', async () => {
      const before = await room.newArticle({ weight: '2.50' });
      const { status, body } = await room.put(`/articles/${before.id}`, {
        ...before,
        size: { widthMm: 3 },
        name: 'Echo',
      });

      expect([status, body.name, body.version, body.weight]).toEqual([200, 'Echo', 2, '2.50']);
    });

    it('answers 400 when it leaves out what cannot be empty', async () => {
      const { id } = await room.newArticle();
      const { status, body } = await room.put(`/articles/${id}`, { sku: 'A' });

      expect(status).toBe(400);
      expect(body.errors).toEqual(expect.arrayContaining(['name is required', 'price is required']));
    });

    it('answers 404 where there is nothing', async () => {
      expect((await room.put(`/articles/${UNKNOWN}`, article())).status).toBe(404);
    });

    it('creates with If-None-Match: *, once', async () => {
      const id = randomUUID();
      const body = article({ sku: id.slice(0, 10) });
      const created = await room.put(`/articles/${id}`, { ...body, id }, IF_NONE);

      expect([created.status, created.headers.get('etag'), created.body.id]).toEqual([201, '"1"', id]);
      expect(created.headers.get('location')).toBe(`/articles/${id}`);
      expect((await room.put(`/articles/${id}`, body, IF_NONE)).status).toBe(412);
      expect((await room.get(`/articles/${id}`)).text).toBe(created.text);
    });

    it('lets one of many simultaneous creations win, and answers 412 to the others', async () => {
      const id = randomUUID();
      const body = article({ sku: id.slice(0, 10) });
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => room.put(`/articles/${id}`, body, IF_NONE)),
      );

      expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
        201,
        ...Array<number>(7).fill(412),
      ]);
    });

    it('creates without a precondition where putCreates is on', async () => {
      const created = await room.put('/leaflets/garden%20tools', { text: 'Spades' });
      const replaced = await room.put('/leaflets/garden%20tools', { slug: 'garden tools', text: 'Rakes' });

      expect([created.status, created.headers.get('location')]).toEqual([201, '/leaflets/garden%20tools']);
      expect([replaced.status, replaced.body]).toEqual([
        200,
        { slug: 'garden tools', text: 'Rakes', version: 2 },
      ]);
    });

    it('creates nothing for an If-Match, or for keys that the database counts', async () => {
      expect((await room.put('/leaflets/absent', { text: 'x' }, { 'if-match': '"1"' })).status).toBe(412);
      expect((await room.put('/tickets/77', { title: 'x' }, IF_NONE)).status).toBe(404);
    });
  });

  describe('patch', () => {
    it.each([MERGE_PATCH, {}])('changes what it names, %p', async (type) => {
      const { id, createdAt } = await room.newArticle({ note: 'kept' });
      const { status, headers, body } = await room.patch(`/articles/${id}`, { price: 300 }, type);

      expect([status, headers.get('etag')]).toEqual([200, '"2"']);
      expect(body).toMatchObject({ note: 'kept', price: 300, version: 2, createdAt });
      expect((await room.get(`/articles/${id}`)).text).toBe(JSON.stringify(body));
    });

    it('empties with null what can be empty, and refuses the rest', async () => {
      const { id } = await room.newArticle({ note: 'old' });

      expect((await room.patch(`/articles/${id}`, { note: null })).body.note).toBeNull();
      const { status, body } = await room.patch(`/articles/${id}`, { name: null, category: null });
      expect([status, body.errors]).toEqual([400, ['name must not be null', 'category must not be null']]);
    });

    it('merges documents and embedded parts', async () => {
      const { id } = await room.newArticle({
        details: { a: 1, b: { c: 2, d: 3 } },
        size: { widthMm: 1, heightMm: 2 },
      });
      const patch = { details: { a: null, b: { c: 4 } }, size: { heightMm: null } };
      const { body } = await room.patch(`/articles/${id}`, patch, MERGE_PATCH);

      expect(body.details).toEqual({ b: { c: 4, d: 3 } });
      expect(body.size).toMatchObject({ widthMm: 1, heightMm: null });
      expect((await room.get(`/articles/${id}`)).text).toBe(JSON.stringify(body));
    });

    it('keeps the version when nothing changes', async () => {
      const before = await room.newArticle();
      const { status, body } = await room.patch(`/articles/${before.id}`, {});

      expect([status, body]).toEqual([200, before]);
    });

    it('is refused with 412 when the client has seen another version, before its body is looked at', async () => {
      const { id } = await room.newArticle();

      expect((await room.patch(`/articles/${id}`, { price: 'x' }, { 'if-match': '"7"' })).status).toBe(412);
      expect((await room.patch(`/articles/${id}`, { price: 2 }, { 'if-match': '"1"' })).status).toBe(200);
      expect((await room.patch(`/articles/${id}`, { price: 3 }, { 'if-match': '"1"' })).status).toBe(412);
      expect((await stored(id)).price).toBe(2);
    });

    it('lets one of two simultaneous ones win', async () => {
      const { id } = await room.newArticle();
      const patch = (price: number) => room.patch(`/articles/${id}`, { price }, { 'if-match': '"1"' });
      const statuses = (await Promise.all([patch(1), patch(2)])).map(({ status }) => status);

      expect(statuses.toSorted((one, other) => one - other)).toEqual([200, 412]);
    });

    it('stores all of many simultaneous ones without precondition', async () => {
      const { id } = await room.newArticle();
      const answers = await Promise.all([1, 2, 3].map((price) => room.patch(`/articles/${id}`, { price })));

      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
      expect((await stored(id)).version).toBe(4);
    });

    it('answers 404 where there is nothing', async () => {
      expect((await room.patch(`/articles/${UNKNOWN}`, {})).status).toBe(404);
    });
  });

  describe('delete', () => {
    it('answers 204 without content, and the row is gone', async () => {
      const { id } = await room.newArticle();
      const { status, text } = await room.delete(`/articles/${id}`);

      expect([status, text]).toEqual([204, '']);
      expect(await stored(id)).toBeUndefined();
      expect((await room.delete(`/articles/${id}`)).status).toBe(404);
    });

    it('is refused with 412 when the client has seen another version', async () => {
      const { id } = await room.newArticle();

      expect((await room.delete(`/articles/${id}`, { 'if-match': '"2"' })).status).toBe(412);
      expect((await room.delete(`/articles/${id}`, { 'if-match': '"1"' })).status).toBe(204);
    });

    it('answers 409 when others refer to the row', async () => {
      const { id } = await room.newArticle();
      await room.rows('CREATE TABLE pledge (article uuid REFERENCES article)');
      await room.rows('INSERT INTO pledge VALUES ($1)', [id]);
      const { status, body } = await room.delete(`/articles/${id}`);
      await room.rows('DROP TABLE pledge');

      expect([status, body.detail]).toEqual([409, 'The Article is in use, and cannot be deleted.']);
      expect(await stored(id)).toBeDefined();
    });

    it('is soft where the entity has a date of it, and then the row is nowhere to be found', async () => {
      const { headers, body } = await room.post('/tickets', { title: 'Gone' });
      const path = headers.get('location')!;

      expect([headers.get('etag'), body.version]).toEqual(['"1"', '1']);
      expect((await room.delete(path, { 'if-match': '"1"' })).status).toBe(204);
      expect(
        await room.rows('SELECT title, version, "deletedAt" FROM ticket WHERE id = $1', [body.id]),
      ).toEqual([{ title: 'Gone', version: '2', deletedAt: expect.any(Date) }]);
      const answers = await Promise.all([
        room.get(path),
        room.put(path, { title: 'x' }),
        room.patch(path, { title: 'x' }),
        room.delete(path),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
      expect((await room.get('/tickets')).body.total).toBe(0);
    });
  });

  it('keeps versions that do not fit a number', async () => {
    const [{ id }] = await room.rows(
      `INSERT INTO ticket (title, version) VALUES ('Old', '9007199254740993') RETURNING id`,
    );
    const { headers, body } = await room.patch(`/tickets/${id}`, {
      title: 'New',
      version: '9007199254740993',
    });

    expect([headers.get('etag'), body.version]).toEqual(['"9007199254740994"', '9007199254740994']);
    expect((await room.patch(`/tickets/${id}`, { version: '9007199254740993' })).status).toBe(409);
    await room.delete(`/tickets/${id}`);
  });

  describe('a body', () => {
    it.each(['[]', '[{}]', '{', 'null', '"text"', '7', ''])('of %p is answered with 400', async (body) => {
      const { id } = await room.newArticle();
      const answers = await Promise.all([
        room.send('POST', '/articles', { body }),
        room.send('PUT', `/articles/${id}`, { body }),
        room.send('PATCH', `/articles/${id}`, { body, ...MERGE_PATCH }),
      ]);

      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    });

    it.each([
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'application/json-patch+json',
    ])('of the type %s is answered with 415', async (type) => {
      const { id } = await room.newArticle();
      const asked = { body: 'a=b', 'content-type': type };
      const answers = await Promise.all([
        room.send('POST', '/articles', asked),
        room.send('PUT', `/articles/${id}`, asked),
        room.send('PATCH', `/articles/${id}`, asked),
      ]);

      expect(answers.map(({ status }) => status)).toEqual([415, 415, 415]);
    });

    it('of a merge patch is none for POST and PUT', async () => {
      const { id } = await room.newArticle();

      expect((await room.send('POST', '/articles', { body: article(), ...MERGE_PATCH })).status).toBe(415);
      expect((await room.put(`/articles/${id}`, article(), MERGE_PATCH)).status).toBe(415);
    });
  });
});
