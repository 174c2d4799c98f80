import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { TransactionalModule, type TransactionalModuleOptions } from '@nest-transactional/core';
import { HttpVersioningModule, type HttpVersioningOptions } from '@nest-transactional/http';
import { createDatabase } from '../support/database.js';
import {
  BooksController,
  LIBRARY,
  LibraryService,
  ShelvesController,
  VolumesController,
  type Book,
} from './library.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

export interface LibraryParts {
  readonly platform?: Platform;
  readonly versioning?: HttpVersioningOptions;
  readonly transactional?: TransactionalModuleOptions;
  readonly controllers?: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly poolSize?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON, which each test knows the shape of. */
  readonly body: any;
}

/** A library that listens, on a database of its own, and an observer that has nothing to do with either library. */
export class RunningLibrary {
  private constructor(
    readonly application: INestApplication,
    readonly url: string,
    readonly observer: pg.Client,
  ) {}

  static async open(parts: LibraryParts = {}): Promise<RunningLibrary> {
    const url = await createDatabase();
    const application = await createApplication(url, parts);
    await listenOrClose(application);
    const { port } = application.getHttpServer().address() as AddressInfo;
    const observer = new pg.Client({ connectionString: url });
    await observer.connect();
    return new RunningLibrary(application, `http://127.0.0.1:${port}`, observer);
  }

  get dataSource(): DataSource {
    return this.application.get<DataSource>(getDataSourceToken());
  }

  get library(): LibraryService {
    return this.application.get(LibraryService);
  }

  async send(
    method: string,
    path: string,
    { body, ...headers }: { body?: unknown } & Record<string, unknown> = {},
  ): Promise<Answer> {
    const sent = { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) };
    const response = await fetch(this.url + path, {
      method,
      headers: sent as Record<string, string>,
      ...(body !== undefined && { body: JSON.stringify(body) }),
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

  /** A book that is in the database, at version 1. */
  async newBook(title = 'Moby-Dick'): Promise<Book> {
    return await this.library.books.save(this.library.books.create({ id: randomUUID(), title }));
  }

  async rows<T extends object = any>(sql: string, values: unknown[] = []): Promise<T[]> {
    return (await this.observer.query<T>(sql, values)).rows;
  }

  async titleOf(id: string): Promise<string | undefined> {
    const [row] = await this.rows<{ title: string }>('SELECT title FROM book WHERE id = $1', [id]);
    return row?.title;
  }

  async close(): Promise<void> {
    await this.application.close();
    await this.observer.end();
  }
}

async function createApplication(url: string, parts: LibraryParts): Promise<INestApplication> {
  const { controllers = [BooksController, ShelvesController, VolumesController], providers = [] } = parts;
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url,
        entities: LIBRARY,
        synchronize: true,
        retryAttempts: 0,
        ...(parts.poolSize !== undefined && { poolSize: parts.poolSize }),
      }),
      TypeOrmModule.forFeature(LIBRARY),
      TransactionalModule.forRoot(parts.transactional ?? {}),
      HttpVersioningModule.forRoot(parts.versioning ?? {}),
    ],
    controllers,
    providers: [LibraryService, ...providers],
  })
    .setLogger(silent)
    .compile();
  return parts.platform === 'fastify'
    ? module.createNestApplication(new FastifyAdapter({ bodyLimit: BODY_LIMIT }), { logger: silent })
    : module.createNestApplication({ logger: silent });
}

async function listenOrClose(application: INestApplication): Promise<void> {
  try {
    await application.listen(0, '127.0.0.1');
  } catch (error) {
    await application.close();
    throw error;
  }
}

/** That of Express. */
const BODY_LIMIT = 102_400;

const silent = { error: () => undefined, log: () => undefined, warn: () => undefined };
