import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { afterCommit, Transactional, TransactionManager } from '@nest-transactional/core';
import { Note } from '../transactions/entities.js';

export const undo = new Error('undo');

/** What happened in the generators. */
export const order: unknown[] = [];

@Injectable()
export class Writers {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  /** Yields the id of the transaction in which each text is written; fails at the text `fail`. */
  async *write(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    order.push('started');
    try {
      for (const text of texts) {
        if (text === 'fail') throw undo;
        await this.notes.insert({ text });
        yield this.transactions.current?.id;
      }
      return texts.length;
    } finally {
      order.push('finally');
    }
  }

  @Transactional()
  async *required(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'NESTED' })
  async *nested(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async *apart(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'SUPPORTS' })
  async *supports(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional({ propagation: 'MANDATORY' })
  async *mandatory(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return yield* this.write(...texts);
  }

  @Transactional()
  returned(...texts: string[]): AsyncGenerator<string | undefined, number, unknown> {
    return this.required(...texts);
  }

  @Transactional()
  async *hooked(): AsyncGenerator<void> {
    afterCommit(() => order.push('hook'));
    yield;
  }

  @Transactional()
  async *echo(): AsyncGenerator<unknown, void, unknown> {
    let heard: unknown;
    for (;;) heard = yield heard;
  }

  @Transactional()
  async *conflicting(): AsyncGenerator<string | undefined> {
    yield* this.write('b');
    await this.notes.query(`DO $$ BEGIN RAISE EXCEPTION 'raised' USING ERRCODE = '40001'; END $$`);
  }

  @Transactional({ retry: 3, timeoutMs: 10_000 })
  async *limited(): AsyncGenerator<string | undefined> {
    yield* this.conflicting();
  }

  @Transactional({ retry: 3 })
  async *retried(): AsyncGenerator<string | undefined> {
    yield* this.conflicting();
  }
}

/** Everything that the generator yields. */
export async function exhaust<T>(generator: AsyncGenerator<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of generator) all.push(each);
  return all;
}
