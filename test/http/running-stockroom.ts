import type { AddressInfo } from 'node:net';
import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { TransactionalModule } from '@nest-transactional/core';
import { HttpVersioningModule, type HttpVersioningOptions } from '@nest-transactional/http';
import { createDatabase } from '../support/database.js';
import { STOCKROOM } from './stockroom.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON, which each test knows the shape of. */
  readonly body: any;
}

export interface StockroomParts {
  readonly platform?: Platform;
  readonly controllers: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly versioning?: HttpVersioningOptions;
  readonly configure?: (application: INestApplication) => void;
}

type Asked = { readonly body?: unknown } & Readonly<Record<string, unknown>>;

/** An application that serves a stockroom, on a database of its own. */
export class RunningStockroom {
  private constructor(
    readonly application: INestApplication,
    readonly url: string,
  ) {}

  static async open(parts: StockroomParts): Promise<RunningStockroom> {
    const url = await createDatabase();
    const { controllers, providers = [], versioning = {} } = parts;
    const module = await Test.createTestingModule({
      imports: [
        TypeOrmModule.forRoot({
          type: 'postgres',
          url,
          entities: STOCKROOM,
          synchronize: true,
          retryAttempts: 0,
        }),
        TransactionalModule.forRoot(),
        HttpVersioningModule.forRoot(versioning),
      ],
      controllers,
      providers,
    })
      .setLogger(silent)
      .compile();
    const application =
      parts.platform === 'fastify'
        ? module.createNestApplication(new FastifyAdapter(), { logger: silent })
        : module.createNestApplication({ logger: silent });
    parts.configure?.(application);
    await application.listen(0, '127.0.0.1');
    const { port } = application.getHttpServer().address() as AddressInfo;
    const room = new RunningStockroom(application, `http://127.0.0.1:${port}`);
    // TypeORM makes an int4 of it.
    await room.rows('ALTER TABLE ticket ALTER version TYPE bigint');
    return room;
  }

  get dataSource(): DataSource {
    return this.application.get<DataSource>(getDataSourceToken());
  }

  /** Sends a body as JSON, unless a content type is given with a text. */
  async send(method: string, path: string, { body, ...headers }: Asked = {}): Promise<Answer> {
    const isText = typeof body === 'string';
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(this.url + path, {
      method,
      headers: { ...type, ...(headers as Record<string, string>) },
      ...(body !== undefined && { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : undefined,
    };
  }

  get = (path: string, asked?: Asked): Promise<Answer> => this.send('GET', path, asked);
  post = (path: string, body: unknown): Promise<Answer> => this.send('POST', path, { body });
  put = (path: string, body: unknown, headers: object = {}): Promise<Answer> =>
    this.send('PUT', path, { ...headers, body });
  patch = (path: string, body: unknown, headers: object = {}): Promise<Answer> =>
    this.send('PATCH', path, { ...headers, body });
  delete = (path: string, headers: object = {}): Promise<Answer> => this.send('DELETE', path, { ...headers });

  rows(sql: string, values: unknown[] = []): Promise<any[]> {
    return this.dataSource.query(sql, values);
  }

  #count = 0;

  /** A new article, as the server has answered it. */
  async newArticle(values: object = {}): Promise<any> {
    const sku = `A-${++this.#count}`;
    const { status, body } = await this.post('/articles', {
      sku,
      name: `Article ${sku}`,
      price: 100,
      size: {},
      ...values,
    });
    if (status !== 201) throw new Error(JSON.stringify(body));
    return body;
  }

  async close(): Promise<void> {
    await this.application.close();
  }
}

const silent = { error: () => undefined, log: () => undefined, warn: () => undefined };
