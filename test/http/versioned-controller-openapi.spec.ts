import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiProperty, ApiSchema, DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { Expose } from 'class-transformer';
import { IsString } from 'class-validator';
import { createVersionedController } from '@nest-transactional/http';
import { RunningStockroom } from './running-stockroom.js';
import { Article, Leaflet, Ticket } from './stockroom.js';

class TicketDto {
  @ApiProperty({ maxLength: 20 })
  @IsString()
  title!: string;
}

@ApiSchema({ name: 'ShownTicket' })
class TicketView {
  @ApiProperty()
  @Expose()
  title!: string;
}

const JSON_SCHEMA = { type: 'object', properties: { text: { type: 'string' } } };
const schema = {
  '~standard': {
    version: 1 as const,
    vendor: 'test',
    validate: (value: unknown) => ({ value }),
    jsonSchema: { input: () => JSON_SCHEMA, output: () => JSON_SCHEMA },
  },
};

const CONTROLLERS = [
  createVersionedController(Article, {
    path: 'articles',
    tags: ['goods'],
    requirePrecondition: true,
    pagination: { maxLimit: 50 },
    sort: { allowed: ['price', 'name'] },
    filter: { price: ['eq', 'gte', 'in'], name: ['contains'] },
    search: ['name'],
  }),
  createVersionedController(Ticket, { path: 'tickets', dto: { create: TicketDto, read: TicketView } }),
  createVersionedController(Leaflet, { path: 'leaflets', dto: { create: schema, patch: schema } }),
];

describe('the OpenAPI document', () => {
  let room: RunningStockroom;
  let document: OpenAPIObject;
  beforeAll(async () => {
    room = await RunningStockroom.open({ controllers: CONTROLLERS });
    document = SwaggerModule.createDocument(room.application, new DocumentBuilder().build());
  });
  afterAll(() => room.close());

  const operation = (path: string, method: string): any => (document.paths[path] as any)[method];
  const statusesOf = (path: string, method: string): string =>
    Object.keys(operation(path, method).responses).join(' ');
  const parametersOf = (path: string, method: string): Record<string, unknown> =>
    Object.fromEntries(
      operation(path, method).parameters.map(({ name, in: where, required }: any) => [
        `${where} ${name}`,
        required,
      ]),
    );

  it('has every operation, with every status that it may answer', () => {
    expect(statusesOf('/articles', 'get')).toBe('200 400 503');
    expect(statusesOf('/articles', 'post')).toBe('201 400 409 415 422 503');
    expect(statusesOf('/articles/{id}', 'get')).toBe('200 304 400 404 412 503');
    expect(statusesOf('/articles/{id}', 'put')).toBe('200 201 400 404 409 412 415 422 428 503');
    expect(statusesOf('/articles/{id}', 'patch')).toBe('200 400 404 409 412 415 422 428 503');
    expect(statusesOf('/articles/{id}', 'delete')).toBe('204 400 404 409 412 428 503');
    expect(Object.keys(document.paths['/leaflets']!)).toEqual(['get']);
  });

  it('describes failures as problem details, and says when to come back', () => {
    const { responses } = operation('/articles/{id}', 'patch');
    const failures = Object.entries<any>(responses).filter(([status]) => Number(status) >= 400);

    for (const [, { content, description }] of failures) {
      expect(Object.keys(content)).toEqual(['application/problem+json']);
      expect(description).not.toBe('');
    }
    expect(responses[503].headers['Retry-After'].schema).toEqual({ type: 'integer' });
  });

  it('describes parameters and headers of the request', () => {
    expect(parametersOf('/articles', 'get')).toEqual({
      'query page': false,
      'query limit': false,
      'query sort': false,
      'query search': false,
      'query price': false,
      'query price.gte': false,
      'query price.in': false,
      'query name.contains': false,
    });
    expect(parametersOf('/articles/{id}', 'get')).toEqual({ 'path id': true, 'header If-None-Match': false });
    expect(parametersOf('/articles/{id}', 'patch')).toEqual({ 'path id': true, 'header If-Match': true });
    expect(parametersOf('/articles/{id}', 'delete')).toEqual({ 'path id': true, 'header If-Match': true });
    expect(parametersOf('/articles/{id}', 'put')).toEqual({
      'path id': true,
      'header If-Match': false,
      'header If-None-Match': false,
    });
    expect(parametersOf('/tickets/{id}', 'delete')).toEqual({ 'path id': true, 'header If-Match': false });
  });

  it('types ids and filters by the columns', () => {
    const schemaOf = (path: string, method: string, name: string): unknown =>
      operation(path, method).parameters.find((parameter: any) => parameter.name === name).schema;

    expect(schemaOf('/articles/{id}', 'get', 'id')).toEqual({ type: 'string', format: 'uuid' });
    expect(schemaOf('/tickets/{id}', 'get', 'id')).toEqual({ type: 'integer', format: 'int32' });
    expect(schemaOf('/articles', 'get', 'price.gte')).toEqual({ type: 'integer', format: 'int32' });
    expect(schemaOf('/articles', 'get', 'limit')).toEqual({
      type: 'integer',
      minimum: 1,
      maximum: 50,
      default: 20,
    });
  });

  it('describes headers of responses', () => {
    const headersOf = (path: string, method: string, status: number): string[] =>
      Object.keys(operation(path, method).responses[status].headers);

    expect(headersOf('/articles', 'get', 200)).toEqual(['Link']);
    expect(headersOf('/articles', 'post', 201)).toEqual(['ETag', 'Last-Modified', 'Location']);
    expect(headersOf('/articles/{id}', 'get', 200)).toEqual(['ETag', 'Last-Modified', 'Accept-Patch']);
    expect(headersOf('/articles/{id}', 'get', 304)).toEqual(['ETag', 'Last-Modified']);
    expect(headersOf('/articles/{id}', 'put', 200)).toContain('Content-Location');
    expect(headersOf('/articles/{id}', 'put', 201)).toContain('Location');
  });

  it('describes bodies by the columns, with nothing that cannot be written', () => {
    const { content, required } = operation('/articles', 'post').requestBody;
    const { schema } = content['application/json'];

    expect(required).toBe(true);
    expect(schema).toMatchObject({
      type: 'object',
      required: ['sku', 'name', 'price'],
      additionalProperties: false,
    });
    expect(Object.keys(schema.properties)).toEqual([
      'sku',
      'name',
      'note',
      'price',
      'category',
      'weight',
      'details',
      'origin',
      'supplierId',
      'size',
    ]);
    expect(schema.properties.sku).toEqual({ type: 'string', maxLength: 20 });
    expect(schema.properties.note).toEqual({ type: 'string', nullable: true });
    expect(Object.keys(schema.properties.size.properties)).toEqual(['widthMm', 'heightMm']);
  });

  it('describes what is sent by the columns, with the version and without what is hidden', () => {
    const { schema } = operation('/articles/{id}', 'get').responses[200].content['application/json'];

    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(['id', 'version', 'createdAt', 'size']),
    );
    expect(schema.properties).not.toHaveProperty('secret');
    expect(schema.properties).not.toHaveProperty('supplier');
    const page = operation('/articles', 'get').responses[200].content['application/json'].schema;
    expect(page.properties.items.items).toEqual(schema);
  });

  it('refers to the classes that describe bodies', () => {
    const reference = { $ref: '#/components/schemas/TicketDto' };
    const shown = { $ref: '#/components/schemas/ShownTicket' };

    expect(operation('/tickets', 'post').requestBody.content['application/json'].schema).toEqual(reference);
    expect(operation('/tickets/{id}', 'get').responses[200].content['application/json'].schema).toEqual(
      shown,
    );
    expect(document.components!.schemas).toMatchObject({
      TicketDto: { properties: { title: { type: 'string', maxLength: 20 } } },
      ShownTicket: { properties: { title: { type: 'string' } } },
    });
  });

  it('takes the JSON Schema of a Standard Schema that tells it', () => {
    expect(operation('/leaflets/{id}', 'put').requestBody.content['application/json'].schema).toEqual(
      JSON_SCHEMA,
    );
  });

  it('has both media types of a patch, and tags', () => {
    expect(Object.keys(operation('/articles/{id}', 'patch').requestBody.content)).toEqual([
      'application/merge-patch+json',
      'application/json',
    ]);
    expect([operation('/articles', 'get').tags, operation('/tickets', 'get').tags]).toEqual([
      ['goods'],
      ['tickets'],
    ]);
  });

  it('refers to nothing that is not in it, and has no operation twice', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!);
    const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id!);

    expect(Object.keys(document.components!.schemas!)).toEqual(expect.arrayContaining(references));
    expect(new Set(ids).size).toBe(ids.length);
    expect(text).not.toContain('undefined');
  });
});
