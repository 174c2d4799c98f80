import { Transform, type Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, StreamableFile, type INestApplication } from '@nestjs/common';
import { concatMap, from, type Observable } from 'rxjs';
import { Transactional } from '@nest-transactional/core';
import { settle } from '../support/gate.js';
import { listen, PLATFORMS, startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { FAILING, Readers, undo } from './row-readers.js';

/** Too much for the buffers between server and client. */
const WIDE = `repeat('x', 4000)`;

@Controller()
class Downloads {
  constructor(private readonly readers: Readers) {}

  @Get('rows')
  async rows(): Promise<StreamableFile> {
    return new StreamableFile(asLines(await this.readers.required('rows', WIDE)));
  }

  @Get('failing')
  async failing(): Promise<StreamableFile> {
    return new StreamableFile(asLines(await this.readers.required('failing', FAILING)));
  }

  @Get('observed')
  @Transactional()
  observed(): Observable<unknown> {
    return from(['observed']).pipe(concatMap((text) => this.readers.notes.insert({ text })));
  }

  @Get('undone')
  @Transactional()
  undone(): Observable<unknown> {
    return from(['undone']).pipe(
      concatMap(async (text) => {
        await this.readers.notes.insert({ text });
        throw undo;
      }),
    );
  }
}

/** One line of JSON for each row, as a response wants bytes. */
function asLines(rows: Readable): Readable {
  const lines = new Transform({
    writableObjectMode: true,
    transform: (row, _encoding, done) => done(null, `${JSON.stringify(row)}\n`),
  });
  rows.on('error', (error) => lines.destroy(error));
  lines.on('close', () => rows.destroy());
  return rows.pipe(lines);
}

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(async () => {
  await database.empty();
  await database.observer.query(
    `INSERT INTO note (text, likes) SELECT 'seed ' || n, n FROM generate_series(1, 3000) n`,
  );
});
afterAll(() => database.close());

/** The notes that are stored, besides those that were there before, when no transaction is open any more. */
async function stored(): Promise<string[]> {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND state <> 'idle'`;
  while ((await database.observer.query(sql)).rowCount! > 0) await settle();
  return (await database.notes()).filter((text) => !text.startsWith('seed'));
}

describe.each(PLATFORMS)('a response on %s', (platform) => {
  let application: INestApplication;
  let url: string;

  beforeAll(async () => {
    application = await startApplication({ platform, providers: [Readers], controllers: [Downloads] });
    url = await listen(application);
  });
  afterAll(() => application.close());

  it('that streams rows is whole, and what its transaction wrote is stored', async () => {
    const text = await (await fetch(`${url}/rows`)).text();

    expect(text.trim().split('\n')).toHaveLength(3001);
    expect(await stored()).toEqual(['rows']);
  });

  it('whose client goes away leaves no transaction behind', async () => {
    const leaving = new AbortController();
    const response = await fetch(`${url}/rows`, { signal: leaving.signal });
    const reader = response.body!.getReader();
    await reader.read();
    leaving.abort();

    expect(await stored()).toEqual([]);
  });

  it('that fails in the middle is not whole, and nothing is stored', async () => {
    await failureOf(
      fetch(`${url}/failing`).then(async (response) => {
        await response.text();
        if (response.status >= 400) throw undo;
      }),
    );

    expect(await stored()).toEqual([]);
  });

  it('of an Observable is sent when it is stored', async () => {
    expect((await fetch(`${url}/observed`)).status).toBe(200);
    expect(await database.notes()).toContain('observed');
  });

  it('of an Observable that errs is an error, and nothing is stored', async () => {
    expect((await fetch(`${url}/undone`)).status).toBe(500);
    expect(await stored()).toEqual([]);
  });
});
