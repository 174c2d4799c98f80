import { Injectable } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Transactional, TransactionalModule, type IsolationLevel } from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { ANOMALIES, type Script } from './hermitage-scripts.js';

/** Each method is a session at one level: it does what the script says, one statement at a time. */
@Injectable()
class Sessions {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @Transactional({ isolation: 'READ COMMITTED' })
  readCommitted(script: Script): Promise<unknown> {
    return script(this.statement);
  }

  @Transactional({ isolation: 'REPEATABLE READ' })
  repeatableRead(script: Script): Promise<unknown> {
    return script(this.statement);
  }

  @Transactional({ isolation: 'SERIALIZABLE' })
  serializable(script: Script): Promise<unknown> {
    return script(this.statement);
  }

  private readonly statement = (sql: string): Promise<never> => this.dataSource.query(sql);
}

const METHODS = {
  'READ COMMITTED': 'readCommitted',
  'REPEATABLE READ': 'repeatableRead',
  SERIALIZABLE: 'serializable',
} as const satisfies Partial<Record<IsolationLevel, keyof Sessions>>;

let application: INestApplication;
let sessions: Sessions;
let dataSource: DataSource;

beforeAll(async () => {
  const url = await createDatabase();
  const module = await Test.createTestingModule({
    imports: [
      TypeOrmModule.forRoot({ type: 'postgres', url, retryAttempts: 0 }),
      TransactionalModule.forRoot(),
    ],
    providers: [Sessions],
  }).compile();
  application = await module.createNestApplication({ logger: false }).init();
  sessions = application.get(Sessions);
  dataSource = application.get(DataSource);
  await dataSource.query('CREATE TABLE test (id int PRIMARY KEY, value int NOT NULL)');
});
beforeEach(async () => {
  await dataSource.query('TRUNCATE test');
  await dataSource.query('INSERT INTO test VALUES (1, 10), (2, 20)');
});
afterAll(() => application.close());

describe.each(Object.entries(METHODS))('at %s', (level, method) => {
  it.each(Object.entries(ANOMALIES))('%s', async (_name, { happens, at }) => {
    const open = (script: Script): Promise<unknown> => sessions[method](script);

    expect(await happens(open, dataSource)).toBe(at.includes(level));
  });
});
