import { setTimeout as timeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Param, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Transactional, TransactionalModule, TransactionManager } from '@nest-transactional/core';
import { gate, settle, watched } from '../support/gate.js';
import { listen, LogLines, PLATFORMS, startApplication } from './application.js';
import { EnlistedDatabase } from './enlisted-database.js';
import { Note } from './entities.js';

@Injectable()
class Steps {
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    private readonly transactions: TransactionManager,
  ) {}

  /** What it finds in its context after each kind of wait. */
  @Transactional()
  async take(number: number): Promise<string[]> {
    const seen = [this.seen];
    await this.notes.insert({ text: `note ${number}` });
    seen.push(this.seen);
    await settle(number % 4);
    seen.push(this.seen);
    await timeout(number % 3);
    seen.push(this.seen);
    return seen;
  }

  @Transactional()
  async fail(): Promise<void> {
    await this.notes.insert({ text: 'note' });
    await this.notes.query('SELECT 1/0').catch(() => undefined);
  }

  private get seen(): string {
    const { id, requestId } = this.transactions.current!;
    return `${requestId} ${id}`;
  }
}

let end = gate();
let late = gate<Promise<unknown>>();

@Controller()
class StepsController {
  constructor(
    private readonly steps: Steps,
    private readonly transactions: TransactionManager,
  ) {}

  @Get('id')
  id(): { requestId: string | null } {
    return { requestId: this.transactions.requestId ?? null };
  }

  @Get('steps/:number')
  take(@Param('number') number: string): Promise<string[]> {
    return this.steps.take(Number(number));
  }

  @Get('fail')
  fail(): Promise<void> {
    return this.steps.fail();
  }

  @Get('forget')
  async forget(): Promise<void> {
    await this.transactions.run({ label: 'forgetful' }, (em) => {
      late.open(watched(end.opened.then(() => em.query('SELECT 1'))));
    });
  }
}

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

describe.each(PLATFORMS)('a request on %s', (platform) => {
  const log = new LogLines();
  let application: INestApplication;
  let url: string;

  beforeAll(async () => {
    application = await startApplication({ platform, providers: [Steps], controllers: [StepsController] });
    application.useLogger(log);
    url = await listen(application);
  });
  beforeEach(() => {
    log.lines.length = 0;
  });
  afterAll(() => application.close());

  const requestIdFor = async (headers: Record<string, string>): Promise<string> => {
    const response = await fetch(`${url}/id`, { headers });
    return ((await response.json()) as { requestId: string }).requestId;
  };

  it.each(['req-1', 'a1b2:c3/d4=@+._-', 'x'.repeat(128)])(
    'is named by its header x-request-id: %s',
    async (id) => {
      expect(await requestIdFor({ 'x-request-id': id })).toBe(id);
    },
  );

  it.each(['', 'two words', '"quoted"', 'x'.repeat(129), 'line\tbreak', '<script>'])(
    'is given another name when the header could forge a log line: %p',
    async (id) => {
      const given = await requestIdFor({ 'x-request-id': id });

      expect(given).not.toBe(id);
      expect(given).toMatch(/^[\w.:+/=@-]{1,128}$/);
    },
  );

  it('is given a name of its own when it has none', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => requestIdFor({})));

    expect(ids.every(Boolean)).toBe(true);
    expect(new Set(ids).size).toBe(platform === 'express' ? 5 : new Set(ids).size);
  });

  it('never sees the context of another', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, number) => {
        const headers = { 'x-request-id': `req-${number}` };
        return (await (await fetch(`${url}/steps/${number}`, { headers })).json()) as string[];
      }),
    );

    answers.forEach((seen, number) => {
      expect(seen).toHaveLength(4);
      expect(new Set(seen).size).toBe(1);
      expect(seen[0]).toContain(`req-${number} `);
    });
    expect(new Set(answers.flat()).size).toBe(100);
    expect(await database.notes()).toHaveLength(100);
  });

  it('stands in the log line of its failure', async () => {
    const response = await fetch(`${url}/fail`, { headers: { 'x-request-id': 'req-7' } });

    expect(response.status).toBe(500);
    expect(log.lines.join('\n')).toMatch(/\[req-7\].*\(Steps\.fail\)/);
    expect(await database.notes()).toEqual([]);
  });

  it('stands in the log line of what it left behind', async () => {
    [end, late] = [gate(), gate<Promise<unknown>>()];
    await fetch(`${url}/forget`, { headers: { 'x-request-id': 'req-8' } });
    end.open();

    await expect(late.opened).rejects.toMatchObject({ code: 'TRANSACTION_ENDED', requestId: 'req-8' });
    expect(log.lines.join('\n')).toMatch(/\[req-8\].*\(forgetful\)/);
  });
});

describe("request mode 'off'", () => {
  it('opens no context; transactions work all the same', async () => {
    const application = await startApplication({
      providers: [Steps],
      controllers: [StepsController],
      transactional: [TransactionalModule.forRoot({ request: { mode: 'off' } })],
    });
    const url = await listen(application);
    const headers = { 'x-request-id': 'req-9' };
    const named = await (await fetch(`${url}/id`, { headers })).json();
    const seen = (await (await fetch(`${url}/steps/1`, { headers })).json()) as string[];
    await application.close();

    expect(named).toEqual({ requestId: null });
    expect(seen[0]).toMatch(/^undefined tx-/);
    expect(await database.notes()).toEqual(['note 1']);
  });
});
