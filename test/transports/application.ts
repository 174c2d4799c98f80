import type { LoggerService, ModuleMetadata } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TransactionalModule, type TransactionalModuleOptions } from '@nest-transactional/core';
import { typeOrmOptions } from '../transactions/application.js';
import { Note } from '../transactions/entities.js';
import { DiaryDatabase, ENTITIES } from './diary-database.js';
import { Diary } from './diary.js';
import { Inbox } from './inbox.js';

export interface TransportParts extends Pick<ModuleMetadata, 'imports' | 'providers' | 'controllers'> {
  readonly database: DiaryDatabase;
  readonly log: ErrorLog;
  readonly request?: NonNullable<TransactionalModuleOptions['request']>;
}

/** An application of a diary, as a user would write it, for a transport to be put on. */
export function compileApplication(parts: TransportParts): Promise<TestingModule> {
  const { database, log, request = {}, imports = [], providers = [], controllers = [] } = parts;
  return Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({ ...typeOrmOptions(), entities: ENTITIES }),
      TypeOrmModule.forFeature([Note]),
      TransactionalModule.forRoot({ request }),
      ...imports,
    ],
    providers: [Diary, { provide: DiaryDatabase, useValue: database }, ...providers],
    controllers,
  })
    .setLogger(log)
    .compile();
}

/** Hears what the application logs as an error, in place of the console. */
export class ErrorLog implements LoggerService {
  readonly #lines = new Inbox<string>();

  error = (message: unknown): void => this.#lines.put(String(message));
  log = (): void => undefined;
  warn = (): void => undefined;

  /** The next line; waits for it. */
  next(): Promise<string> {
    return this.#lines.take();
  }

  get lines(): readonly string[] {
    return this.#lines.rest;
  }

  clear(): void {
    this.#lines.clear();
  }
}
