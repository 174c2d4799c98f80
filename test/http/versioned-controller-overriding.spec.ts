import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConflictException,
  Controller,
  Get,
  Injectable,
  Post,
  UseGuards,
  type CanActivate,
} from '@nestjs/common';
import type { DeepPartial } from 'typeorm';
import { Transactional, TransactionManager } from '@nest-transactional/core';
import { createVersionedController, type Page, type PageQuery } from '@nest-transactional/http';
import { PLATFORMS, RunningStockroom } from './running-stockroom.js';
import { Article, Leaflet, Supplier, Ticket } from './stockroom.js';

/** Leaves a row behind for each change, as an audit does. */
@Injectable()
class Journal {
  constructor(private readonly transactions: TransactionManager) {}

  readonly transactionIds = new Set<string | undefined>();

  @Transactional()
  async note(name: string): Promise<void> {
    this.transactionIds.add(this.transactions.current?.id);
    await this.transactions.entityManager().insert(Supplier, { name });
  }
}

class Closed implements CanActivate {
  canActivate = (): boolean => false;
}

@Controller('articles')
class ArticlesController extends createVersionedController(Article, { path: 'unused' }) {
  constructor(
    private readonly journal: Journal,
    private readonly transactions: TransactionManager,
  ) {
    super();
  }

  @Get('count')
  count(): Promise<number> {
    return this.repository.count();
  }

  @Post('closed')
  @UseGuards(Closed)
  closed(): void {
    throw new Error('never');
  }

  protected override async findPage(query: PageQuery<Article>): Promise<Page<Article>> {
    const { items, total } = await super.findPage(query);
    return { items: items.map((item) => Object.assign(item, { name: `listed ${item.name}` })), total };
  }

  protected override async findOne(id: unknown): Promise<Article> {
    const article = await super.findOne(id);
    if (article.note === 'hidden') throw new ConflictException('It is hidden.');
    return article;
  }

  protected override async createOne(values: DeepPartial<Article>, id?: unknown): Promise<Article> {
    const article = await super.createOne(
      Object.assign(values, { category: 'made', version: 7, id: 'x' }),
      id,
    );
    await this.record('created');
    return this.refuse(article);
  }

  protected override async replaceOne(row: Article, values: DeepPartial<Article>): Promise<Article> {
    const article = await super.replaceOne(row, Object.assign(values, { category: `was ${row.name}` }));
    await this.record('replaced');
    return this.refuse(article);
  }

  protected override async patchOne(row: Article, values: DeepPartial<Article>): Promise<Article> {
    const article = await super.patchOne(row, values);
    await this.record('patched');
    return this.refuse(article);
  }

  protected override async removeOne(row: Article): Promise<void> {
    await super.removeOne(row);
    await this.record('removed');
    this.refuse(row);
  }

  private async record(what: string): Promise<void> {
    this.journal.transactionIds.clear();
    this.journal.transactionIds.add(this.transactions.current!.id);
    await this.journal.note(what);
  }

  private refuse(article: Article): Article {
    if (article.name === 'refused') throw new ConflictException('It is refused.');
    return article;
  }
}

const article = { sku: 'S', name: 'S', price: 1, size: {} };

describe.each(PLATFORMS)('a controller that overrides, on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    room = await RunningStockroom.open({ platform, controllers: [ArticlesController], providers: [Journal] });
  });
  beforeEach(async () => {
    await room.rows('TRUNCATE article, supplier CASCADE');
  });
  afterAll(() => room.close());

  const notes = async () =>
    (await room.rows('SELECT name FROM supplier ORDER BY id')).map(({ name }) => name);
  const transactionIds = () => room.application.get(Journal).transactionIds;

  it('changes what it lists', async () => {
    await room.newArticle({ name: 'pen' });
    expect((await room.get('/articles')).body.items[0].name).toBe('listed pen');
  });

  it('decides who may read and change a row', async () => {
    const { id } = await room.newArticle({ note: 'hidden' });
    const answers = await Promise.all([
      room.get(`/articles/${id}`),
      room.put(`/articles/${id}`, article),
      room.patch(`/articles/${id}`, {}),
      room.delete(`/articles/${id}`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([409, 409, 409, 409]);
  });

  it('writes more in the same transaction as each change', async () => {
    const { id, category, version } = await room.newArticle();
    expect([category, version, transactionIds().size]).toEqual(['made', 1, 1]);

    expect((await room.put(`/articles/${id}`, article)).body.category).toMatch(/^was Article/);
    expect(transactionIds().size).toBe(1);
    expect((await room.patch(`/articles/${id}`, { price: 2 })).status).toBe(200);
    expect(transactionIds().size).toBe(1);
    expect((await room.delete(`/articles/${id}`)).status).toBe(204);
    expect(transactionIds().size).toBe(1);
    expect(await notes()).toEqual(['created', 'replaced', 'patched', 'removed']);
  });

  it('undoes the change when it throws', async () => {
    const created = await room.post('/articles', { ...article, name: 'refused' });
    expect([created.status, created.headers.get('location'), created.headers.get('etag')]).toEqual([
      409,
      null,
      null,
    ]);
    expect([await notes(), (await room.get('/articles')).body.total]).toEqual([[], 0]);

    const { id } = await room.newArticle();
    const before = (await room.get(`/articles/${id}`)).text;
    expect((await room.put(`/articles/${id}`, { ...article, name: 'refused' })).status).toBe(409);
    expect((await room.patch(`/articles/${id}`, { name: 'refused' })).status).toBe(409);
    await room.rows(`UPDATE article SET name = 'refused'`);
    expect((await room.delete(`/articles/${id}`)).status).toBe(409);
    await room.rows('UPDATE article SET name = $1', [JSON.parse(before).name]);
    expect([await notes(), (await room.get(`/articles/${id}`)).text]).toEqual([['created'], before]);
  });

  it('announces nothing that was not stored, also without problem details', async () => {
    const versioning = { problemDetails: false };
    const providers = [Journal];
    const plain = await RunningStockroom.open({
      platform,
      controllers: [ArticlesController],
      providers,
      versioning,
    });
    await plain.rows(
      'ALTER TABLE article ADD CONSTRAINT article_note_key UNIQUE (note) DEFERRABLE INITIALLY DEFERRED',
    );
    const [, second] = [
      await plain.newArticle({ note: 'a' }),
      await plain.post('/articles', { ...article, note: 'a' }),
    ];
    await plain.close();

    expect([second.status, second.headers.get('location'), second.headers.get('etag')]).toEqual([
      409,
      null,
      null,
    ]);
    expect(second.body.message).toBe('Another Article has this note.');
  });

  it('has its own constructor, path and routes beside', async () => {
    await room.newArticle();

    expect((await room.get('/unused')).status).toBe(404);
    expect((await room.get('/articles/count')).text).toBe('1');
    expect((await room.post('/articles/closed', {})).status).toBe(403);
  });
});

describe.each(PLATFORMS)('a controller of chosen operations, on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    room = await RunningStockroom.open({
      platform,
      controllers: [
        createVersionedController(Ticket, {
          path: 'tickets',
          operations: ['read', 'delete'],
          requirePrecondition: true,
        }),
        createVersionedController(Article, {
          path: 'articles',
          operations: ['create', 'patch'],
          cacheControl: 'no-store',
          requirePrecondition: true,
        }),
        createVersionedController(Leaflet, {
          path: 'leaflets',
          requirePrecondition: true,
          putCreates: true,
          cacheControl: 'public, max-age=5',
          vary: ['Accept-Language'],
        }),
      ],
    });
  });
  afterAll(() => room.close());

  it('has no others', async () => {
    const asked = { body: { title: 'x' } };
    const answers = await Promise.all([
      room.get('/tickets'),
      room.send('POST', '/tickets', asked),
      room.send('PUT', '/tickets/1', asked),
      room.send('PATCH', '/tickets/1', asked),
      room.get('/articles'),
      room.get('/articles/1'),
      room.delete('/articles/1'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(Array(7).fill(404));
  });

  it('needs a precondition for what changes a row, where one is required', async () => {
    const [{ id }] = await room.rows(`INSERT INTO ticket (title, version) VALUES ('x', 1) RETURNING id`);

    expect((await room.delete(`/tickets/${id}`)).status).toBe(428);
    expect((await room.delete('/tickets/999')).status).toBe(404);
    expect((await room.delete(`/tickets/${id}`, { 'if-match': '*' })).status).toBe(204);
    expect((await room.put('/leaflets/a', {})).status).toBe(428);
    expect((await room.put('/leaflets/a', {}, { 'if-none-match': '*' })).status).toBe(201);
    expect((await room.patch('/leaflets/a', { text: 'b' })).status).toBe(428);
    expect((await room.post('/articles', article)).status).toBe(201);
  });

  it('says how long what it gives may be kept, and on what it depends', async () => {
    await room.put('/leaflets/kept', {}, { 'if-none-match': '*' });
    const { headers } = await room.get('/leaflets/kept');

    expect(headers.get('cache-control')).toBe('public, max-age=5');
    expect(headers.get('vary')).toContain('Accept-Language');
  });
});
