import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Allow } from 'class-validator';
import { createVersionedController, type StandardSchema } from '@nest-transactional/http';
import { PLATFORMS, RunningStockroom } from './running-stockroom.js';
import { Article, Supplier, Ticket } from './stockroom.js';

/** Lets everything through that an attacker might want to write. */
class CarelessDto {
  @Allow() id!: unknown;
  @Allow() sku!: unknown;
  @Allow() name!: unknown;
  @Allow() price!: unknown;
  @Allow() size!: unknown;
  @Allow() secret!: unknown;
  @Allow() supplier!: unknown;
  @Allow() origin!: unknown;
  @Allow() version: unknown = 77;
  @Allow() createdAt: unknown = new Date(0);
  @Allow() updatedAt!: unknown;
}

const CARELESS_SCHEMA: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({
      value: {
        ...(value as object),
        id: FORGED_ID,
        version: 77,
        secret: 'forged',
        createdAt: new Date(0),
        supplier: { name: 'Forged' },
      },
    }),
  },
};

const FORGED_ID = '00000000-0000-4000-8000-000000000000';

const CONTROLLERS = {
  'by columns': createVersionedController(Article, { path: 'articles' }),
  'by a careless class': createVersionedController(Article, {
    path: 'articles',
    dto: { create: CarelessDto, patch: CarelessDto },
  }),
  'by a careless schema': createVersionedController(Article, {
    path: 'articles',
    dto: { create: CARELESS_SCHEMA, patch: CARELESS_SCHEMA },
  }),
};

/** Has loaded more than a GET shows. */
class CuriousController extends createVersionedController(Article, { path: 'articles' }) {
  protected override async findOne(id: unknown): Promise<Article> {
    const query = this.repository.createQueryBuilder('article').addSelect('article.secret').whereInIds(id);
    return await query.leftJoinAndSelect('article.supplier', 'supplier').getOneOrFail();
  }
}

/** What is not a client's to write; a `__proto__` that JSON.parse makes is a property as any other. */
const FORGED: [property: string, values: object][] = [
  ['id', { id: FORGED_ID }],
  ['version', { version: 0 }],
  ['version', { version: -1 }],
  ['version', { version: null }],
  ['version', { version: '1' }],
  ['createdAt', { createdAt: '1970-01-01T00:00:00.000Z' }],
  ['updatedAt', { updatedAt: '1970-01-01T00:00:00.000Z' }],
  ['secret', { secret: 'forged' }],
  ['secret', { secret: 'secret' }],
  ['supplier', { supplier: { id: 1, name: 'Forged' } }],
  ['supplier', { supplier: null }],
];

describe.each(PLATFORMS)('on %s', (platform) => {
  describe.each(Object.entries(CONTROLLERS))('bodies that are read %s', (_how, controller) => {
    let room: RunningStockroom;
    beforeAll(async () => {
      room = await RunningStockroom.open({ platform, controllers: [controller] });
      await room.dataSource.getRepository(Supplier).save({ id: 1, name: 'Honest' });
    });
    afterAll(() => room.close());

    const stored = () =>
      room.rows('SELECT a.*, s.name AS supplier_name FROM article a, supplier s ORDER BY a.id');
    const valid = { sku: 'FORGED', name: 'Forged', price: 1, size: {} };

    it.each(FORGED)('never write %s: %j', async (property, values) => {
      const { id } = await room.newArticle();
      const before = await stored();
      const answers = await Promise.all([
        room.post('/articles', { ...valid, ...values }),
        room.put(`/articles/${id}`, { ...valid, ...values }),
        room.patch(`/articles/${id}`, values),
      ]);

      expect(answers.map(({ status, body }) => [status, body.errors])).toEqual(
        Array(3).fill([400, [`${property} cannot be set`]]),
      );
      expect(await stored()).toEqual(before);
    });

    it('never write a version: one that is not current any more is answered with 409', async () => {
      const { id } = await room.newArticle();
      const before = await stored();
      const answers = await Promise.all([
        room.put(`/articles/${id}`, { ...valid, version: 7 }),
        room.patch(`/articles/${id}`, { version: 7 }),
      ]);

      expect(answers.map(({ status }) => status)).toEqual([409, 409]);
      expect(await stored()).toEqual(before);
    });

    it('never write what a definition makes up itself', async () => {
      const created = await room.newArticle();
      const { status, body } = await room.patch(`/articles/${created.id}`, { price: 5 });

      expect([status, body.id, body.version, body.createdAt]).toEqual([
        200,
        created.id,
        2,
        created.createdAt,
      ]);
      expect(created.version).toBe(1);
      expect(Date.parse(created.createdAt)).toBeGreaterThan(0);
      const [row] = await room.rows('SELECT secret, "supplierId" FROM article WHERE id = $1', [created.id]);
      expect(row).toEqual({ secret: 'secret', supplierId: null });
    });

    it('never show what is not selected', async () => {
      const created = await room.newArticle();
      const answers = await Promise.all([
        room.get(`/articles/${created.id}`),
        room.get('/articles'),
        room.patch(`/articles/${created.id}`, { price: 5 }),
      ]);

      expect([JSON.stringify(created), ...answers.map(({ text }) => text)].join()).not.toContain('secret');
    });

    it('may repeat what is there', async () => {
      const {
        size: _size,
        weight: _weight,
        note: _note,
        category: _category,
        details: _details,
        supplierId: _supplier,
        ...before
      } = await room.newArticle();
      const { status, body } = await room.patch(`/articles/${before.id}`, { ...before, price: 9 });

      expect([status, body.price, body.version]).toEqual([200, 9, 2]);
    });

    it('cannot move a row to another id by PUT', async () => {
      const { id } = await room.newArticle();

      expect((await room.put(`/articles/${id}`, { ...valid, id: FORGED_ID })).status).toBe(400);
      expect(
        (await room.put(`/articles/${FORGED_ID}`, { ...valid, id }, { 'if-none-match': '*' })).status,
      ).toBe(400);
    });

    it('are no longer than the platform accepts, as merge patches, too', async () => {
      const { id } = await room.newArticle();
      const body = JSON.stringify({ name: 'x'.repeat(2_000_000) });
      const send = (type: string) => room.send('PATCH', `/articles/${id}`, { body, 'content-type': type });
      const statuses = [await send('application/json'), await send('application/merge-patch+json')].map(
        ({ status }) => status,
      );

      expect(statuses).toEqual([413, 413]);
    });
  });

  it('bodies may repeat a relation that is shown, but not guess what is hidden', async () => {
    const room = await RunningStockroom.open({ platform, controllers: [CuriousController] });
    const { id } = await room.newArticle();
    const guesses = [{ secret: 'secret' }, { supplier: { id: 1, name: 'Other' } }, { supplier: null }];
    const answers = await Promise.all(guesses.map((guess) => room.patch(`/articles/${id}`, guess)));
    await room.close();

    expect(answers.map(({ status }) => status)).toEqual([400, 400, 200]);
  });

  describe('bodies that are read by columns', () => {
    let room: RunningStockroom;
    beforeAll(async () => {
      const controllers = [CONTROLLERS['by columns'], createVersionedController(Ticket, { path: 'tickets' })];
      room = await RunningStockroom.open({ platform, controllers });
    });
    afterAll(() => room.close());

    it.each([
      '{"__proto__":{"price":1}}',
      '{"constructor":{"prototype":{"x":1}}}',
      '{"toString":1}',
      '{"colour":"red"}',
      '{"size":{"measuredAt":"1970-01-01T00:00:00Z"}}',
      '{"size":{"__proto__":{}}}',
      '{"size":null}',
      '{"size":[]}',
    ])('answer 400 to %s', async (body) => {
      const { id } = await room.newArticle();
      const types = ['application/json', 'application/merge-patch+json'];
      const answers = await Promise.all(
        types.map((type) => room.send('PATCH', `/articles/${id}`, { body, 'content-type': type })),
      );

      expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    });

    it('never delete, or restore, by a date', async () => {
      const { body } = await room.post('/tickets', { title: 'Here' });

      expect((await room.patch(`/tickets/${body.id}`, { deletedAt: '2026-01-01T00:00:00Z' })).status).toBe(
        400,
      );
      expect((await room.patch(`/tickets/${body.id}`, { deletedAt: null })).status).toBe(200);
    });

    it('do not change what is only written once', async () => {
      const { id, origin } = await room.newArticle({ origin: 'here' });

      expect(origin).toBe('here');
      expect((await room.patch(`/articles/${id}`, { origin: 'there' })).status).toBe(400);
      expect((await room.patch(`/articles/${id}`, { origin: 'here' })).status).toBe(200);
    });
  });
});
