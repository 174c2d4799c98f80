import { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { Transactional, TransactionManager } from '@nest-transactional/core';
import { Note } from '../transactions/entities.js';

export const undo = new Error('undo');

/** Cannot be computed for one of the rows. */
export const FAILING = '12 / (50 - likes)';

@Injectable()
export class Readers {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  /** Writes a note and streams all of them by a cursor. */
  async rows(text: string, expression = 'likes'): Promise<Readable> {
    await this.notes.insert({ text });
    const rows = this.notes
      .createQueryBuilder('note')
      .select(expression, 'value')
      .orderBy('id', 'ASC')
      .stream();
    return (await rows) as Readable;
  }

  @Transactional()
  async required(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  @Transactional({ propagation: 'NESTED' })
  async nested(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async apart(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  @Transactional({ propagation: 'SUPPORTS' })
  async supports(text: string, expression?: string): Promise<Readable> {
    return await this.rows(text, expression);
  }

  /** Returned at once; writes each text when it is read, and fails at the text `fail`. */
  @Transactional()
  direct(...texts: string[]): Readable {
    return Readable.from(this.write(texts));
  }

  @Transactional({ propagation: 'NESTED' })
  directNested(...texts: string[]): Readable {
    return Readable.from(this.write(texts));
  }

  private async *write(texts: string[]): AsyncGenerator<string | undefined> {
    for (const text of texts) {
      if (text === 'fail') throw undo;
      await this.notes.insert({ text });
      yield this.transactions.current?.id ?? 'none';
    }
  }
}

export async function exhaust(readable: Readable): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const each of readable) all.push(each);
  return all;
}
