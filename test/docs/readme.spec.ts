import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import * as errors from '../../libs/core/src/errors.js';
import { enlist, TransactionManager } from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { gate, watched } from '../support/gate.js';
import { WireProxy } from '../support/wire-proxy.js';
import { blocksOf, codeIn, proseOf, read, ROOT, sectionOf, tableIn } from './markdown.js';

const README = 'README.md';

describe('the commands', () => {
  const commandsOf = (page: string): readonly string[] =>
    blocksOf(page, 'sh').flatMap(({ text }) => text.split('\n'));

  it('are those that a newcomer needs', () => {
    expect(commandsOf(README)).toEqual(['npm start', 'npm test']);
  });

  it.each([README, 'CONTRIBUTING.md'])('of %s are scripts of package.json, those in the text too', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...commandsOf(page), ...codeIn(proseOf(page))]
      .map((command) => /^npm (?:(start|test)|run (\S+))/.exec(command))
      .filter((found) => found !== null)
      .map(([, short, long]) => short ?? long!);

    expect(named).toContain('build');
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  it('name workspaces that are there', () => {
    const [, name] = /npm pack -w (\S+)`/.exec(read(README))!;

    expect(JSON.parse(read('libs/core/package.json'))).toMatchObject({ name });
  });
});

describe('the quick start', () => {
  let directory: string;
  let app: INestApplication;
  let dataSource: DataSource;
  let url: string;

  beforeAll(async () => {
    directory = writeQuickStart();
    process.env.DATABASE_URL = await createDatabase();
    const { AppModule } = (await import(join(directory, 'app.module.ts'))) as {
      AppModule: new () => unknown;
    };
    app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    await app.listen(0, '127.0.0.1');
    dataSource = app.get<DataSource>(getDataSourceToken());
    for (const { text } of blocksOf(README, 'sql')) await dataSource.query(text);
    url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await app.close();
  });

  it('answers the requests shown as shown', async () => {
    const shown = requestsShown();

    expect(shown.map(({ status }) => status)).toContain(409);
    for (const { request, method, path, body, status, answer } of shown) {
      const response = await send(url + path, method, body);
      expect(`${request} ${response.status}`).toBe(`${request} ${status}`);
      expect(response.body).toMatchObject(answer);
    }
  });

  describe('when something fails', () => {
    const rows = tableIn(sectionOf(README, '## When something fails')!);
    const account = (owner: string, cents = 0): Promise<unknown> =>
      dataSource.query('INSERT INTO account VALUES ($1, $2)', [owner, cents]);
    const run: TransactionManager['run'] = (...all: [any]) => app.get(TransactionManager).run(...all);

    /** One for each row of the table, in its order; resolves with what the caller gets. */
    const CASES: readonly ((owner: string) => Promise<unknown>)[] = [
      (owner) =>
        failureOf(
          run(async () => {
            await account(owner);
            throw new Error('of its own');
          }),
        ),
      (owner) =>
        failureOf(
          run(async () => {
            await account(owner);
            await account(owner).catch(() => undefined);
          }),
        ),
      async (owner) => {
        const end = gate();
        const forgotten = gate<Promise<unknown>>();
        await run(async () => {
          await account(owner);
          forgotten.open(watched(end.opened.then(() => account(`${owner}, too`))));
        });
        end.open();
        return await failureOf(forgotten.opened);
      },
      (owner) =>
        failureOf(
          run({ timeoutMs: 100 }, async (em) => {
            await account(owner);
            await em.query('SELECT pg_sleep(60)');
          }),
        ),
      loseTheConnection,
    ];

    it.each(rows.map(([what, stored, gets], index) => ({ what, stored, gets, index })))(
      '$what',
      async (row) => {
        const { stored, gets, index } = row;
        const owner = `case ${index}`;
        const failure = await CASES[index]!(owner);
        const [className] = codeIn(String(gets)).filter((name) => name.endsWith('Error'));

        if (className === undefined) expect(failure).toMatchObject({ message: 'of its own' });
        else expect(failure).toBeInstanceOf((errors as unknown as Record<string, unknown>)[className]);
        if (String(gets).includes('`cause`')) expect(failure).toMatchObject({ cause: expect.any(Error) });
        if (stored !== 'nobody knows')
          expect(await ownersLike(owner)).toEqual(stored === 'nothing' ? [] : [owner]);
      },
    );

    it('has a case for each row', () => {
      expect(rows).toHaveLength(CASES.length);
    });

    async function ownersLike(owner: string): Promise<string[]> {
      const found = await dataSource.query<{ owner: string }[]>(
        `SELECT owner FROM account WHERE owner LIKE $1 || '%'`,
        [owner],
      );
      return found.map((each) => each.owner);
    }
  });
});

/** Cuts the connection in place of COMMIT; with `outcomeTracking` the answer is known all the same. */
async function loseTheConnection(owner: string): Promise<unknown> {
  const insert = `INSERT INTO account VALUES ('${owner}', 0)`;
  const proxy = await WireProxy.to(process.env.DATABASE_URL!);
  const lost = async (outcomeTracking: boolean): Promise<unknown> => {
    const dataSource = await new DataSource({
      type: 'postgres',
      url: proxy.url,
      poolErrorHandler: () => undefined,
    }).initialize();
    const transactions = enlist(dataSource, { outcomeTracking, log: { error: () => undefined } });
    proxy.tamper = (message) => (message.includes('COMMIT') ? undefined : message);
    const failure = await failureOf(transactions.run((em) => em.query(insert)));
    proxy.tamper = (message) => message;
    await dataSource.destroy();
    return failure;
  };
  try {
    expect(await lost(true)).toMatchObject({ outcome: 'rolled-back' });
    return await lost(false);
  } finally {
    await proxy.stop();
  }
}

/** Each block under the name that its first line tells, where jest transforms it like any source. */
function writeQuickStart(): string {
  const parent = join(ROOT, '.data');
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, 'quick-start-'));
  for (const { text } of blocksOf(README, 'ts')) {
    const [, name] = /^\/\/ ([\w.-]+\.ts)\n/.exec(text)!;
    writeFileSync(join(directory, name!), text);
  }
  return directory;
}

interface Shown {
  readonly request: string;
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly status: number;
  readonly answer: object;
}

function requestsShown(): readonly Shown[] {
  const lines = blocksOf(README, 'http').flatMap(({ text }) => text.split('\n'));
  return lines.map((line) => {
    const [, request, method, path, body, status, answer] =
      /^((\w+) (\S+)(?: (\{.*?\}))?) -> (\d+)(?: ([{[].*))?$/.exec(line)!;
    return {
      request: request!,
      method: method!,
      path: path!,
      body,
      status: Number(status),
      answer: JSON.parse(answer ?? '{}') as object,
    };
  });
}

async function send(
  url: string,
  method: string,
  body: string | undefined,
): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method, ...(body !== undefined && { headers, body }) });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text === '' ? '{}' : text) };
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It did not fail.');
}
