import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { concatMap, from, type Observable } from 'rxjs';
import type { Repository } from 'typeorm';
import { afterCommit, Transactional, TransactionManager } from '@nest-transactional/core';
import { settle } from '../support/gate.js';
import { Note } from '../transactions/entities.js';

@Injectable()
export class Notes {
  static repository: Repository<Note>;

  constructor(
    @InjectRepository(Note) readonly repository: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  @Transactional()
  async write(text: string, error?: Error): Promise<string> {
    await this.repository.insert({ text });
    await settle();
    if (error) throw error;
    return this.transactions.current!.id;
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async apart(work: () => unknown): Promise<string> {
    await work();
    return this.transactions.current!.id;
  }

  @Transactional({ propagation: 'NESTED' })
  async nested(text: string, error?: Error): Promise<void> {
    await this.write(text, error);
  }

  @Transactional()
  async hooked(order: unknown[], work: () => Promise<unknown> = async () => undefined): Promise<void> {
    afterCommit(() => order.push(this.transactions.current?.id ?? 'outside'));
    await work();
  }

  @Transactional()
  static async writeStatically(text: string, error?: Error): Promise<void> {
    await Notes.repository.insert({ text });
    if (error) throw error;
  }

  @Transactional()
  async *each(...texts: string[]): AsyncGenerator<string | undefined> {
    for (const text of texts) {
      await this.repository.insert({ text });
      yield this.transactions.current?.id;
    }
  }

  @Transactional()
  observed(...texts: string[]): Observable<unknown> {
    return from(texts).pipe(concatMap((text) => this.repository.insert({ text })));
  }
}
