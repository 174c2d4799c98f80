import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createVersionedController } from '@nest-transactional/http';
import { PLATFORMS, RunningStockroom } from './running-stockroom.js';
import { Article, Sample, Ticket } from './stockroom.js';

const CONTROLLERS = [
  createVersionedController(Article, {
    path: 'articles',
    pagination: { defaultLimit: 3, maxLimit: 5 },
    sort: { allowed: ['price', 'name'], default: ['name'] },
    filter: {
      price: ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in'],
      note: ['eq', 'ne', 'contains'],
      category: ['eq'],
      createdAt: ['lte'],
    },
    search: ['name', 'sku'],
  }),
  createVersionedController(Ticket, { path: 'tickets', operations: ['list', 'create'] }),
  createVersionedController(Sample, {
    path: 'samples',
    filter: {
      big: ['gte'],
      flag: ['eq'],
      colour: ['eq', 'in'],
      day: ['gt'],
      moment: ['lt'],
      amount: ['lte'],
      other: ['eq'],
      float: ['gt'],
      time: ['gte'],
      version: ['eq'],
    },
  }),
];

/** By name, in the order of their prices. */
const ROWS = [
  { name: 'Bolt', price: 1, note: null, category: 'small' },
  { name: 'Axle', price: 2, note: '100 %', category: 'large' },
  { name: 'Clip', price: 3, note: 'a_b', category: 'small' },
  { name: 'Dowel', price: 4, note: 'AxB', category: 'small' },
  { name: 'Eyelet', price: 5, note: 'plain', category: 'large' },
  { name: 'Ferrule', price: 5, note: 'plain', category: 'large' },
  { name: 'Gear', price: 7, note: 'back\\slash', category: 'large' },
];

describe.each(PLATFORMS)('a list on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    room = await RunningStockroom.open({ platform, controllers: CONTROLLERS });
    for (const row of ROWS) await room.newArticle(row);
  });
  afterAll(() => room.close());

  const namesOf = async (query: string): Promise<string> => {
    const { status, body } = await room.get(`/articles?limit=5&${query}`);
    expect(status).toBe(200);
    return body.items.map(({ name }: Article) => name[0]).join('');
  };

  it('gives a page of the default length, in the default order, and how many there are', async () => {
    const { body } = await room.get('/articles');

    expect(body).toMatchObject({ page: 1, limit: 3, total: 7 });
    expect(body.items.map(({ name }: Article) => name)).toEqual(['Axle', 'Bolt', 'Clip']);
  });

  it('is sorted by the key without a word on it, and is empty without rows', async () => {
    expect((await room.get('/tickets')).body).toEqual({ items: [], page: 1, limit: 20, total: 0 });
    for (const title of ['b', 'a']) await room.post('/tickets', { title });
    expect((await room.get('/tickets')).body.items.map(({ title }: Ticket) => title)).toEqual(['b', 'a']);
  });

  it('shows every row once over all pages, also where the order leaves it open', async () => {
    const sorted = await Promise.all(
      [1, 2, 3, 4].map((page) => room.get(`/articles?limit=2&sort=price&page=${page}`)),
    );
    const names = sorted.flatMap(({ body }) => body.items.map(({ name }: Article) => name));
    expect(new Set(names).size).toBe(7);
  });

  it('is sorted by the key where the order leaves it open', async () => {
    const rows = Array.from({ length: 5 }, () =>
      room.newArticle({ name: 'Zip', price: 99, category: 'equal' }),
    );
    await Promise.all(rows);
    const { body } = await room.get('/articles?limit=5&category=equal&sort=price');
    const ids = body.items.map(({ id }: Article) => id);
    await room.rows(`DELETE FROM article WHERE category = 'equal'`);

    expect(ids).toEqual(ids.toSorted());
  });

  it.each([
    ['sort=-price,name', 'GEFDC'],
    ['sort=price&price.lt=5', 'BACD'],
    ['sort=-name', 'GFEDC'],
    ['price=5', 'EF'],
    ['price.eq=5', 'EF'],
    ['price.ne=5', 'ABCDG'],
    ['price.gt=4&price.lt=7', 'EF'],
    ['price.gte=4&price.lte=5', 'DEF'],
    ['price.in=1,7', 'BG'],
    ['category=small', 'BCD'],
    ['category=large&price=2', 'A'],
    ['note=plain', 'EF'],
    ['note.ne=plain', 'ABCDG'],
    ['note.contains=%25', 'A'],
    ['note.contains=a_b', 'C'],
    ['note.contains=axb', 'D'],
    ['note.contains=%5C', 'G'],
    ['search=el', 'DE'],
    ['search=A-', 'ABCDE'],
    ['search=el&category=small', 'D'],
    ['search=', 'ABCDE'],
    ['search=%25', ''],
    ['search=%27%3B%20DROP%20TABLE%20article%3B--', ''],
    ['createdAt.lte=2000-01-01T00:00:00Z', ''],
  ])('?%s gives %s', async (query, names) => {
    expect(await namesOf(query)).toBe(names);
  });

  it('says where the other pages are, with the same filters', async () => {
    const links = async (query: string) => (await room.get(`/articles${query}`)).headers.get('link');

    expect(await links('?page=2&limit=2&price.ne=7&search=A%2D')).toBe(
      '</articles?page=1&limit=2&price.ne=7&search=A->; rel="first", ' +
        '</articles?page=1&limit=2&price.ne=7&search=A->; rel="prev", ' +
        '</articles?page=3&limit=2&price.ne=7&search=A->; rel="next", ' +
        '</articles?page=3&limit=2&price.ne=7&search=A->; rel="last"',
    );
    expect(await links('?limit=5')).toBe(
      '</articles?limit=5&page=1>; rel="first", </articles?limit=5&page=2>; rel="next", </articles?limit=5&page=2>; rel="last"',
    );
    expect(await links('?price=99')).toBe(
      '</articles?price=99&page=1>; rel="first", </articles?price=99&page=1>; rel="last"',
    );
    expect(await links('?page=9')).toContain('</articles?page=3>; rel="prev"');
  });

  it.each([
    'page=0',
    'page=-1',
    'page=1.5',
    'page=x',
    'page=',
    'page=1000001',
    'page=99999999999999999999',
    'limit=0',
    'limit=6',
    'limit=1e9',
    'limit=5&limit=5',
    'sort=',
    'sort=category',
    'sort=secret',
    'sort=price,price',
    'sort=price%3BDROP',
    'sort=supplier.name',
    'sort=name%20DESC',
    'sort=--price',
    'secret=x',
    'secret.eq=secret',
    'supplier.name=x',
    'name=Axle',
    'category.ne=small',
    'price.contains=1',
    'price.like=1',
    'price=',
    'price=x',
    'price=1.5',
    'price=99999999999',
    'price=NaN',
    'price.in=1,x',
    'price.in=',
    'price=1&price=2',
    'note.contains=a%00b',
    'search=a%00b',
    'createdAt.lte=yesterday',
    'createdAt.lte=2026-02-30T00:00:00Z',
    'price[gte]=1',
    'price[]=1',
    '__proto__=1',
    '__proto__[page]=1',
    'constructor=1',
    'colour=red',
    'where=1',
    `search=${'x'.repeat(201)}`,
    `price.in=${'1,'.repeat(100)}1`,
  ])('answers 400 to ?%s', async (query) => {
    const { status, body } = await room.get(`/articles?${query}`);

    expect([status, body.errors?.length]).toEqual([400, 1]);
  });

  it('answers 400 to a search where there is none', async () => {
    expect((await room.get('/tickets?search=x')).status).toBe(400);
    expect((await room.get('/tickets?sort=title')).status).toBe(400);
  });

  describe('compares values of the type of the column:', () => {
    const SAMPLES = [
      {
        big: '9007199254740993',
        flag: true,
        colour: 'red',
        day: '2026-01-01',
        moment: '2026-01-01T00:00:00Z',
        amount: '1.50',
        float: 0.5,
        time: '10:00',
      },
      {
        big: '-1',
        flag: false,
        colour: 'green',
        day: '2026-02-01',
        moment: '2026-02-01T00:00:00+01:00',
        amount: '10',
        float: 1e10,
        time: '12:30',
        other: '7F7C3A0E-6F0E-4D0B-9A0C-2F5A3A1C9D11',
      },
    ];
    beforeAll(async () => {
      for (const sample of SAMPLES) expect((await room.post('/samples', sample)).status).toBe(201);
    });

    it.each([
      ['big.gte=9007199254740992', ['red']],
      ['flag=false', ['green']],
      ['colour=red', ['red']],
      ['colour.in=red,green', ['red', 'green']],
      ['day.gt=2026-01-15', ['green']],
      ['moment.lt=2026-02-01T00:00:00Z', ['red', 'green']],
      ['moment.lt=2026-01-31T23:00:00Z', ['red']],
      ['amount.lte=9.99', ['red']],
      ['other=7f7c3a0e-6f0e-4d0b-9a0c-2f5a3a1c9d11', ['green']],
      ['float.gt=1e3', ['green']],
      ['time.gte=12:00', ['green']],
      ['version=1', ['red', 'green']],
    ])('?%s gives %p', async (query, colours) => {
      const { body } = await room.get(`/samples?${query}`);
      expect(new Set(body.items.map(({ colour }: Sample) => colour))).toEqual(new Set(colours));
    });

    it.each([
      'big.gte=9223372036854775808',
      'flag=1',
      'colour=blue',
      'colour.in=red,blue',
      'day.gt=2026-02-30',
      'day.gt=1',
      'moment.lt=2026-01-01',
      'amount.lte=1e5',
      'other=7f7c',
      'float.gt=Infinity',
      'time.gte=noon',
      'version=x',
    ])('?%s is answered with 400', async (query) => {
      expect((await room.get(`/samples?${query}`)).status).toBe(400);
    });
  });
});
