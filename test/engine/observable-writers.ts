import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { concatMap, firstValueFrom, from, NEVER, Observable, of, toArray } from 'rxjs';
import type { Repository } from 'typeorm';
import { afterCommit, Transactional, TransactionManager } from '@nest-transactional/core';
import { Note } from '../transactions/entities.js';

export const undo = new Error('undo');

/** Each list of texts that a method was called with. */
export const calls: string[][] = [];

@Injectable()
export class Writers {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  /** Emits the id of the transaction in which each text is written; fails at the text `fail`. */
  write(texts: string[]): Observable<string | undefined> {
    calls.push(texts);
    return from(texts).pipe(
      concatMap(async (text) => {
        if (text === 'fail') throw undo;
        await this.notes.insert({ text });
        return this.transactions.current?.id;
      }),
    );
  }

  @Transactional()
  annotated(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional()
  inferred(...texts: string[]) {
    return this.write(texts);
  }

  @Transactional({ propagation: 'NESTED' })
  nested(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  apart(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional({ propagation: 'SUPPORTS' })
  supports(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional({ propagation: 'MANDATORY' })
  mandatory(...texts: string[]): Observable<string | undefined> {
    return this.write(texts);
  }

  @Transactional()
  endless(text: string): Observable<unknown> {
    return new Observable((subscriber) => {
      const subscription = this.write([text]).subscribe((value) => subscriber.next(value));
      subscription.add(NEVER.subscribe(subscriber));
      return subscription;
    });
  }

  @Transactional()
  throwing(): Observable<unknown> {
    throw undo;
  }

  @Transactional()
  hooked(heard: unknown[]): Observable<unknown> {
    afterCommit(() => heard.push('hook'));
    return of('value');
  }
}

export const all = <T>(observable: Observable<T>): Promise<T[]> => firstValueFrom(observable.pipe(toArray()));
