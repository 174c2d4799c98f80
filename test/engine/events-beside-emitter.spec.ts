import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import {
  Transactional,
  TransactionalEventListener,
  TransactionalEvents,
  TransactionalModule,
  TransactionManager,
} from '@nest-transactional/core';
import { gate } from '../support/gate.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

const undo = new Error('undo');
const heard: unknown[] = [];
let late = gate<unknown>();
let end = gate();

@Injectable()
class Listeners {
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    private readonly transactions: TransactionManager,
  ) {}

  @OnEvent('above', { suppressErrors: false })
  @Transactional()
  async above(text: string): Promise<string | undefined> {
    return await this.write(text);
  }

  @Transactional()
  @OnEvent('below', { suppressErrors: false })
  async below(text: string): Promise<string | undefined> {
    return await this.write(text);
  }

  @OnEvent('apart', { suppressErrors: false })
  @Transactional({ propagation: 'REQUIRES_NEW' })
  async apart(text: string): Promise<string | undefined> {
    return await this.write(text);
  }

  @OnEvent('late')
  async late(text: string): Promise<void> {
    await end.opened;
    late.open(await this.write(text).catch((error: unknown) => error));
  }

  @OnEvent('both')
  @TransactionalEventListener('both')
  both(payload: unknown): void {
    heard.push([payload, this.transactions.current !== undefined]);
  }

  private async write(text: string): Promise<string | undefined> {
    await this.notes.insert({ text });
    if (text === 'fail') throw undo;
    return this.transactions.current?.id;
  }
}

let database: EnlistedDatabase;
let application: INestApplication;
let emitter: EventEmitter2;
let transactions: TransactionManager;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({
    providers: [Listeners],
    transactional: [TransactionalModule.forRoot(), EventEmitterModule.forRoot()],
  });
  emitter = application.get(EventEmitter2);
  transactions = application.get(TransactionManager);
});
beforeEach(async () => {
  heard.length = 0;
  [late, end] = [gate<unknown>(), gate()];
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

describe.each(['above', 'below'])(
  'a listener of @nestjs/event-emitter, @OnEvent() %s @Transactional()',
  (event) => {
    it('is called once, in a transaction of its own', async () => {
      const ids = await emitter.emitAsync(event, 'a');

      expect(ids).toEqual([expect.stringMatching(/^tx-/)]);
      expect(await database.notes()).toEqual(['a']);
    });

    it('undoes what it wrote when it fails', async () => {
      expect(await failureOf(emitter.emitAsync(event, 'fail'))).toBe(undo);
      expect(await database.notes()).toEqual([]);
    });

    it('joins the transaction of whoever emits and awaits the event', async () => {
      const work = transactions.run(async () => {
        expect(await emitter.emitAsync(event, 'a')).toEqual([transactions.current!.id]);
        throw undo;
      });

      expect(await failureOf(work)).toBe(undo);
      expect(await database.notes()).toEqual([]);
    });
  },
);

describe('beside @nestjs/event-emitter', () => {
  it('a listener that is REQUIRES_NEW keeps what it wrote, whatever becomes of the emitter', async () => {
    const work = transactions.run(async () => {
      await emitter.emitAsync('apart', 'a');
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await database.notes()).toEqual(['a']);
  });

  it('a listener that nobody awaits writes nothing once the transaction has ended', async () => {
    await transactions.run(async () => void emitter.emit('late', 'a'));
    end.open();

    expect(await late.opened).toMatchObject({ code: 'TRANSACTION_ENDED' });
    expect(await database.notes()).toEqual([]);
  });

  it('one method may listen to both, each at its moment', async () => {
    await transactions.run(async () => {
      emitter.emit('both', 'emitted');
      await application.get(TransactionalEvents).publish('both', 'published');
    });

    expect(heard).toEqual([
      ['emitted', true],
      ['published', false],
    ]);
  });
});
