import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ValidationPipe } from '@nestjs/common';
import { PartialType } from '@nestjs/swagger';
import { Expose, Transform, Type } from 'class-transformer';
import {
  IsDate,
  IsInt,
  IsOptional,
  IsString,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { createVersionedController, type StandardSchema } from '@nest-transactional/http';
import { PLATFORMS, RunningStockroom } from './running-stockroom.js';
import { Article, Leaflet, Sample, Ticket } from './stockroom.js';

class SizeDto {
  @IsInt()
  widthMm!: number;
}

class ArticleDto {
  @IsString()
  @MinLength(1)
  sku!: string;

  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @IsString()
  @MaxLength(20)
  name!: string;

  @IsInt()
  @Min(0)
  price: number = 10;

  @IsOptional()
  @IsString()
  note?: string | null;

  @ValidateNested()
  @Type(() => SizeDto)
  size!: SizeDto;
}

class ArticlePatchDto extends PartialType(ArticleDto) {}

class SampleDto {
  @Type(() => Date)
  @IsDate()
  moment!: Date;
}

class LabelDto {
  @Expose()
  id!: string;

  @Expose()
  @Transform(({ obj }: { obj: Article }) => `${obj.sku}: ${obj.name}`)
  label!: string;
}

/** What Zod, Valibot and the like make of `{ title: string, extra?: … }`. */
const TICKET: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      const { title, ...rest } = value as { title?: unknown };
      if (Object.keys(rest).length > 0) return { issues: [{ message: 'Unrecognised key' }] };
      return typeof title === 'string'
        ? { value: { title: title.toUpperCase() } }
        : {
            issues: [
              { message: 'Expected a string', path: ['title'] },
              { message: 'No', path: [{ key: 'a' }, 0] },
            ],
          };
    },
  },
};

const PARTIAL_TICKET: StandardSchema = {
  '~standard': {
    ...TICKET['~standard'],
    validate: (value) => ('title' in (value as object) ? TICKET['~standard'].validate(value) : { value }),
  },
};

const SHOUTED: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value: { shouted: `${(value as Ticket).title}!` } }),
  },
};

describe.each(PLATFORMS)('bodies that a class describes, on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    room = await RunningStockroom.open({
      platform,
      controllers: [
        createVersionedController(Article, { path: 'articles', dto: { create: ArticleDto } }),
        createVersionedController(Article, {
          path: 'parts',
          dto: { create: ArticleDto, patch: ArticlePatchDto },
        }),
        createVersionedController(Sample, { path: 'samples', dto: { create: SampleDto } }),
        createVersionedController(Article, { path: 'labels', dto: { read: LabelDto } }),
      ],
      // It would refuse everything, if it was asked.
      configure: (application) =>
        application.useGlobalPipes(
          new ValidationPipe({
            transform: true,
            whitelist: true,
            forbidNonWhitelisted: true,
            forbidUnknownValues: true,
          }),
        ),
    });
  });
  afterAll(() => room.close());

  const valid = { sku: 'S', name: ' trimmed ', size: { widthMm: 4 } };
  let count = 0;
  const newArticle = async () => {
    const sku = `C-${++count}`;
    return (await room.post('/articles', { ...valid, sku, note: 'noted', price: 30 })).body as Article;
  };

  it('are converted, and have the defaults of the class', async () => {
    const { status, body } = await room.post('/articles', valid);

    expect(status).toBe(201);
    expect(body).toMatchObject({ name: 'trimmed', price: 10, category: 'other', size: { widthMm: 4 } });
  });

  it('are refused with everything that is wrong', async () => {
    const { status, body } = await room.post('/articles', {
      name: 'x'.repeat(21),
      price: -1,
      size: {},
      colour: 'red',
    });

    expect(status).toBe(400);
    expect(body.errors).toEqual(
      expect.arrayContaining([
        'property colour should not exist',
        'sku must be a string',
        'name must be shorter than or equal to 20 characters',
        'price must not be less than 0',
        'size.widthMm must be an integer number',
      ]),
    );
  });

  it('replace what the class knows, and nothing else', async () => {
    const { id, sku } = await newArticle();
    await room.rows(`UPDATE article SET category = 'kept', weight = 2 WHERE id = $1`, [id]);
    const { body } = await room.put(`/articles/${id}`, { ...valid, sku });

    expect(body).toMatchObject({ price: 10, note: null, category: 'kept', weight: '2.00', version: 2 });
  });

  it('must be right as a whole when a patch changes a part', async () => {
    const { id } = await newArticle();

    const { body } = await room.patch(`/articles/${id}`, { name: ' new ' });
    expect(body).toMatchObject({ name: 'new', note: 'noted', price: 30, version: 2 });
    expect((await room.patch(`/articles/${id}`, { note: null })).body).toMatchObject({
      note: null,
      price: 30,
    });
    expect((await room.patch(`/articles/${id}`, { size: { widthMm: null } })).status).toBe(400);
    expect((await room.patch(`/articles/${id}`, { size: { heightMm: 5 } })).body.size.heightMm).toBeNull();
    expect((await room.patch(`/articles/${id}`, { sku: null })).status).toBe(400);
    expect((await room.patch(`/articles/${id}`, { category: 'other' })).status).toBe(400);
  });

  it('of a patch keep their defaults to themselves', async () => {
    const { id } = await newArticle();

    expect((await room.patch(`/parts/${id}`, { note: 'new' })).body).toMatchObject({
      note: 'new',
      price: 30,
    });
    expect((await room.patch(`/parts/${id}`, { price: null })).body.errors).toEqual([
      'price must not be null',
    ]);
    expect((await room.patch(`/parts/${id}`, { price: 'x' })).status).toBe(400);
  });

  it('may have dates', async () => {
    const { status, text, body } = await room.post('/samples', { moment: '2026-03-01T12:00:00+01:00' });

    expect([status, body.moment]).toEqual([201, '2026-03-01T11:00:00.000Z']);
    const patched = await room.patch(`/samples/${body.id}`, { moment: '2026-03-01T11:00:00Z' });
    expect(patched.text).toBe(text);
  });

  it('are sent as the class for reading exposes them, with the version of the row', async () => {
    const { id, sku } = await newArticle();
    const { body, headers } = await room.get(`/labels/${id}`);

    expect([body, headers.get('etag')]).toEqual([{ id, label: `${sku}: trimmed` }, '"1"']);
    expect((await room.get('/labels')).body.items).toContainEqual(body);
    const patched = await room.patch(`/labels/${id}`, { name: 'Other' }, { 'if-match': '"1"' });
    expect([patched.body.label, patched.headers.get('etag')]).toEqual([`${sku}: Other`, '"2"']);
    expect((await room.get(`/labels/${id}`, { 'if-none-match': '"2"' })).status).toBe(304);
  });
});

describe.each(PLATFORMS)('bodies that a Standard Schema describes, on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    const dto = { create: TICKET, patch: PARTIAL_TICKET, read: SHOUTED };
    const controllers = [createVersionedController(Ticket, { path: 'tickets', dto })];
    room = await RunningStockroom.open({ platform, controllers });
  });
  afterAll(() => room.close());

  it('are validated, converted and shown by it', async () => {
    const created = await room.post('/tickets', { title: 'new' });
    const path = created.headers.get('location')!;
    const replaced = await room.put(path, { title: 'other' });
    const patched = await room.patch(path, { title: 'third' });
    const listed = await room.get('/tickets');

    expect([created.body, replaced.body, patched.body, listed.body.items[0]]).toEqual(
      ['NEW!', 'OTHER!', 'THIRD!', 'THIRD!'].map((shouted) => ({ shouted })),
    );
    expect([created, replaced, patched].map(({ headers }) => headers.get('etag'))).toEqual([
      '"1"',
      '"2"',
      '"3"',
    ]);
  });

  it('are refused with its issues', async () => {
    expect((await room.post('/tickets', {})).body.errors).toEqual(['title: Expected a string', 'a.0: No']);
    expect((await room.post('/tickets', { title: 'x', colour: 1 })).body.errors).toEqual([
      'Unrecognised key',
    ]);
  });
});

describe.each(PLATFORMS)('bodies that the columns describe, on %s', (platform) => {
  let room: RunningStockroom;
  beforeAll(async () => {
    const controllers = [
      createVersionedController(Sample, { path: 'samples' }),
      createVersionedController(Article, { path: 'articles' }),
      createVersionedController(Leaflet, { path: 'leaflets', putCreates: true }),
    ];
    room = await RunningStockroom.open({ platform, controllers });
  });
  afterAll(() => room.close());

  const uuid = '7F7C3A0E-6F0E-4D0B-9A0C-2F5A3A1C9D11';

  it.each<[values: object, shown?: object]>([
    [{ small: -32768 }],
    [{ big: '9223372036854775807' }],
    [{ big: 12 }, { big: '12' }],
    [{ big: '-007' }, { big: '-7' }],
    [{ float: 1.25e100 }],
    [{ real: 0.5 }],
    [{ flag: false }],
    [{ other: uuid }, { other: uuid.toLowerCase() }],
    [{ day: '2028-02-29' }],
    [{ moment: '2026-01-01T00:00:00+02:00' }, { moment: '2025-12-31T22:00:00.000Z' }],
    [{ time: '12:30' }, { time: '12:30:00' }],
    [{ colour: 'red' }],
    [{ words: ['a', 'b,"c'] }],
    [{ address: '10.0.0.1' }],
    [{ amount: 1.5 }, { amount: '1.50' }],
    [{ amount: '-0.1' }, { amount: '-0.10' }],
    [{ flag: null, day: null }],
  ])('may say %j', async (values, shown = values) => {
    const created = await room.post('/samples', values);
    expect([created.status, created.body]).toEqual([201, expect.objectContaining(shown)]);

    const other = await room.post('/samples', {});
    const patched = await room.patch(`/samples/${other.body.id}`, values);
    expect([patched.status, patched.body]).toEqual([200, expect.objectContaining(shown)]);
    expect((await room.get(`/samples/${other.body.id}`)).text).toBe(patched.text);
  });

  it.each<[values: object, status?: number]>([
    [{ small: 32768 }],
    [{ small: 1.5 }],
    [{ small: '1' }],
    [{ big: '9223372036854775808' }],
    [{ big: 2 ** 60 }],
    [{ big: 'x' }],
    [{ float: '1' }],
    [{ flag: 'true' }],
    [{ flag: 1 }],
    [{ other: 'x' }],
    [{ day: '2026-02-29' }],
    [{ day: 20260101 }],
    [{ moment: '2026-01-01' }],
    [{ moment: '2026-13-01T00:00:00Z' }],
    [{ moment: 0 }],
    [{ time: '25 o’clock' }],
    [{ colour: 'blue' }],
    [{ words: 'a' }],
    [{ words: [1] }],
    [{ words: ['a\0b'] }],
    [{ address: 1 }],
    [{ amount: '1e3' }],
    [{ amount: {} }],
    [{ address: 'nowhere' }, 422],
    [{ real: 1e300 }, 422],
    [{ amount: '99999' }, 422],
    [{ time: '25:00' }, 422],
  ])('may not say %j', async (values, status = 400) => {
    const { body } = await room.post('/samples', {});
    const answers = await Promise.all([
      room.post('/samples', values),
      room.put(`/samples/${body.id}`, values),
      room.patch(`/samples/${body.id}`, values),
    ]);

    expect(answers.map((answer) => answer.status)).toEqual([status, status, status]);
  });

  it('have text of the length of the column, counted as the database does', async () => {
    const at = (length: number) => ({ sku: '😀'.repeat(length), name: 'x', price: 1, size: {} });

    expect((await room.post('/articles', at(20))).status).toBe(201);
    expect((await room.post('/articles', at(21))).body.errors).toEqual([
      'sku must be text of at most 20 characters, without NUL',
    ]);
  });

  it('may have no NUL', async () => {
    expect((await room.put('/leaflets/nul', { text: 'a\0b' })).status).toBe(400);
    expect(
      (await room.post('/articles', { sku: 'NUL', name: 'x', price: 1, size: {}, details: { a: '\0' } }))
        .status,
    ).toBe(422);
  });
});
