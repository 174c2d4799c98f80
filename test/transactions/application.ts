import type { AddressInfo } from 'node:net';
import type { DynamicModule, INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { TransactionalModule } from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { Note } from './entities.js';

export const PLATFORMS = ['express', 'fastify'] as const;

export interface ApplicationParts {
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly controllers?: Type[];
  /** In place of `TransactionalModule.forRoot()`. */
  readonly transactional?: DynamicModule[];
  /** Other data sources, beside the default one. */
  readonly typeOrm?: TypeOrmModuleOptions[];
  readonly platform?: (typeof PLATFORMS)[number];
}

/** The data source of a test application, on a schema that the spec has made. */
export function typeOrmOptions(more: { name?: string; url?: string } = {}): TypeOrmModuleOptions {
  return { type: 'postgres', url: workerDatabaseUrl(), entities: [Note], retryAttempts: 0, ...more };
}

/** A Nest application as a user would write it: plain `TypeOrmModule`, and `TransactionalModule` beside it. */
export async function startApplication(parts: ApplicationParts): Promise<INestApplication> {
  const {
    typeOrm = [],
    transactional = [TransactionalModule.forRoot()],
    providers = [],
    controllers = [],
  } = parts;
  const names = ['default', ...typeOrm.map(({ name }) => name!)];
  const module = await Test.createTestingModule({
    imports: [
      ...[typeOrmOptions(), ...typeOrm].map((options) => TypeOrmModule.forRoot(options)),
      ...names.map((name) => TypeOrmModule.forFeature([Note], name)),
      ...transactional,
    ],
    providers,
    controllers,
  })
    .setLogger(silent)
    .compile();
  const application =
    parts.platform === 'fastify'
      ? module.createNestApplication(new FastifyAdapter(), { logger: silent })
      : module.createNestApplication({ logger: silent });
  return await application.init();
}

/** Listens; returns the address. */
export async function listen(application: INestApplication): Promise<string> {
  await application.listen(0, '127.0.0.1');
  const { port } = application.getHttpServer().address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}

/** Hears what the application logs, in place of the console. */
export class LogLines implements LoggerService {
  readonly lines: string[] = [];
  error = (message: unknown): void => void this.lines.push(String(message));
  log = (): void => undefined;
  warn = (): void => undefined;
}

const silent = new LogLines();
