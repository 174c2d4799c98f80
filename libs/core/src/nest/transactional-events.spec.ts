import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { startApplication } from '../../../../test/transactions/application.js';
import { EnlistedDatabase, failureOf } from '../../../../test/transactions/enlisted-database.js';
import { Note } from '../../../../test/transactions/entities.js';
import {
  Transactional,
  TransactionalEventListener,
  TransactionalEvents,
  TransactionManager,
} from '../index.js';

const undo = new Error('undo');
const failure = new Error('a listener failed');
let heard: unknown[] = [];

@Injectable()
class Publisher {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly events: TransactionalEvents,
    readonly transactions: TransactionManager,
  ) {}

  @Transactional()
  async place(text: string, error?: Error): Promise<string> {
    await this.events.publish('placed', { text });
    await this.notes.insert({ text });
    heard.push('placed');
    if (error) throw error;
    return text;
  }

  @Transactional()
  async placeInSavepoints(...outcomes: (Error | undefined)[]): Promise<void> {
    for (const [index, error] of outcomes.entries()) {
      await this.part(`part ${index}`, error).catch(() => undefined);
    }
  }

  @Transactional({ propagation: 'NESTED' })
  async part(text: string, error?: Error): Promise<void> {
    await this.place(text, error);
  }
}

@Injectable()
class Listeners {
  constructor(readonly publisher: Publisher) {}

  @TransactionalEventListener('placed', { phase: 'BEFORE_COMMIT' })
  async before(payload: unknown): Promise<void> {
    await this.hear('before', payload);
  }

  @TransactionalEventListener('placed')
  async after(payload: unknown): Promise<void> {
    await this.hear('after', payload);
  }

  @TransactionalEventListener('placed', { phase: 'AFTER_ROLLBACK' })
  async undone(payload: unknown): Promise<void> {
    await this.hear('undone', payload);
  }

  @TransactionalEventListener('placed', { phase: 'AFTER_COMPLETION' })
  async completed(payload: unknown): Promise<void> {
    await this.hear('completed', payload);
  }

  @TransactionalEventListener('audited', { phase: 'BEFORE_COMMIT', fallbackExecution: true })
  @TransactionalEventListener('signed', { fallbackExecution: true })
  async audit(payload?: unknown): Promise<void> {
    await this.publisher.notes.insert({ text: `audit ${String(payload)}` });
    heard.push(`audit ${String(payload)}`);
  }

  @TransactionalEventListener('broken', { phase: 'BEFORE_COMMIT' })
  @TransactionalEventListener('broken later')
  @TransactionalEventListener('broken, but robust', { robust: true })
  fail(): never {
    throw failure;
  }

  @TransactionalEventListener('archived')
  @Transactional()
  async archive(text: string): Promise<void> {
    await this.publisher.notes.insert({ text });
    heard.push(this.publisher.transactions.current!.label);
  }

  private async hear(what: string, payload: unknown): Promise<void> {
    heard.push([what, payload, this.publisher.transactions.current !== undefined]);
  }
}

let database: EnlistedDatabase;
let application: INestApplication;
let publisher: Publisher;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: [Publisher, Listeners] });
  publisher = application.get(Publisher);
});
beforeEach(async () => {
  heard = [];
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

const run = <T>(work: () => T | Promise<T>): Promise<T> => publisher.transactions.run(work);
const publish = (event: string, payload?: unknown): Promise<void> => publisher.events.publish(event, payload);

describe('an event of a transaction', () => {
  it('that commits is heard inside, before COMMIT, and outside, after it', async () => {
    expect(await publisher.place('a')).toBe('a');

    expect(heard).toEqual([
      'placed',
      ['before', { text: 'a' }, true],
      ['after', { text: 'a' }, false],
      ['completed', { text: 'a' }, false],
    ]);
  });

  it('that is rolled back is heard after that, by those who want to', async () => {
    expect(await failureOf(publisher.place('a', undo))).toBe(undo);

    expect(heard).toEqual(['placed', ['undone', { text: 'a' }, false], ['completed', { text: 'a' }, false]]);
  });

  it('is heard of a savepoint that is kept, and not of one that is undone', async () => {
    await publisher.placeInSavepoints(undefined, undo, undefined);
    const after = heard.filter((each) => Array.isArray(each) && each[0] === 'after');

    expect(after).toEqual([
      ['after', { text: 'part 0' }, false],
      ['after', { text: 'part 2' }, false],
    ]);
    expect(await database.notes()).toEqual(['part 0', 'part 2']);
  });

  it('that nobody listens to is no error, inside and outside', async () => {
    await run(() => publish('unheard'));
    await publish('unheard');
  });

  it('is stored with what a listener before COMMIT writes', async () => {
    await run(() => publish('audited', 7));

    expect(await database.notes()).toEqual(['audit 7']);
  });

  it('that a listener before COMMIT fails at is undone: the caller gets its error', async () => {
    const work = run(async () => {
      await publisher.notes.insert({ text: 'a' });
      await publish('broken');
    });

    expect(await failureOf(work)).toBe(failure);
    expect(await database.notes()).toEqual([]);
  });

  it('that a listener after COMMIT fails at stays: the caller is told, unless it is robust', async () => {
    const work = (event: string): Promise<void> =>
      run(async () => {
        await publisher.notes.insert({ text: event });
        await publish(event);
      });

    expect(await failureOf(work('broken later'))).toMatchObject({ outcome: 'committed', errors: [failure] });
    await work('broken, but robust');
    expect(await database.notes()).toEqual(['broken later', 'broken, but robust']);
  });

  it('may be heard in a transaction of the listener’s own', async () => {
    await run(() => publish('archived', 'copy'));

    expect(heard).toEqual(['Listeners.archive']);
    expect(await database.notes()).toEqual(['copy']);
  });
});

describe('an event outside of any transaction', () => {
  it('is refused where a listener needs one, before any is called', async () => {
    expect(await failureOf(publish('placed'))).toMatchObject({
      code: 'NO_TRANSACTION',
      what: "publish('placed')",
    });
    expect(heard).toEqual([]);
  });

  it('is heard at once, and awaited, with fallbackExecution', async () => {
    await publish('signed', 'now');

    expect(heard).toEqual(['audit now']);
  });

  it('is outside, too, where the surrounding transaction is suspended', async () => {
    await run(async () => {
      await publisher.transactions.run({ propagation: 'NOT_SUPPORTED' }, () => publish('signed', 'now'));
      expect(heard).toEqual(['audit now']);
    });
  });
});

describe('@TransactionalEventListener() refuses at once', () => {
  it.each<[string, unknown[], string]>([
    ['phase', ['placed', { phase: 'AFTER_COMIT' }], "'AFTER_COMMIT'"],
    ['fase', ['placed', { fase: 'AFTER_COMMIT' }], "Did you mean 'phase'?"],
    ['robust', ['placed', { robust: 1 }], 'true or false'],
    ['fallbackExecution', ['placed', { fallbackExecution: 'no' }], 'true or false'],
    ['dataSource', ['placed', { dataSource: '' }], 'non-empty string'],
    ['', ['placed', 'AFTER_COMMIT'], 'object of options'],
    ['event', [''], 'non-empty string'],
    ['event', [undefined], 'non-empty string'],
  ])('%s: %j', (option, all, words) => {
    const decorate = (): unknown => (TransactionalEventListener as (...all: unknown[]) => unknown)(...all);

    expect(decorate).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', option }));
    expect(decorate).toThrow(words);
  });
});
