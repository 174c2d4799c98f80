import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { afterCommit, expectVersion, Transactional, TransactionManager } from '@nest-transactional/core';
import { gate, type Gate } from '../support/gate.js';
import { Note } from '../transactions/entities.js';
import { DiaryDatabase, Sheet } from './diary-database.js';
import { Meeting } from './meeting.js';

/** What a transaction knew of its surroundings, just before its end. */
export interface Page {
  readonly text: string;
  readonly requestId: string | null;
  readonly transaction: string;
  /** The notes that the transaction could see. */
  readonly visible: string[];
}

/** The service behind every transport: it knows of transactions, and of none of the transports. */
@Injectable()
export class Diary {
  /** By the text of each note: what another connection saw when its `afterCommit` hook ran. */
  readonly seenByHooks = new Map<string, readonly string[]>();
  readonly #hooks = new Map<string, Gate<readonly string[]>>();
  #meeting = new Meeting(1);

  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    private readonly transactions: TransactionManager,
    private readonly database: DiaryDatabase,
  ) {}

  /** Lets so many transactions wait for each other, before they look around and before they end. */
  overlap(size: number): void {
    this.#meeting = new Meeting(size);
  }

  /** Begins anew. */
  forget(): void {
    this.overlap(1);
    this.seenByHooks.clear();
    this.#hooks.clear();
  }

  @Transactional()
  async write(text: string): Promise<Page> {
    afterCommit(async () => {
      this.seenByHooks.set(text, await this.database.notes());
      this.#hookOf(text).open(this.seenByHooks.get(text)!);
    });
    await this.notes.insert({ text });
    await this.#meeting.attend();
    const visible = await this.notes.find({ order: { text: 'ASC' } });
    await this.#meeting.attend();
    return { text, ...this.surroundings(), visible: visible.map((note) => note.text) };
  }

  @Transactional()
  async spoil(text: string): Promise<never> {
    await this.notes.insert({ text });
    throw new Error('out of ink');
  }

  /** Somebody else has turned the page meanwhile. */
  @Transactional()
  async collide(text: string): Promise<void> {
    await this.notes.insert({ text });
    expectVersion(Sheet, 1, 7);
  }

  /** What surrounds the caller, inside and outside of transactions. */
  surroundings(): { requestId: string | null; transaction: string } {
    const { current, requestId } = this.transactions;
    return { requestId: requestId ?? null, transaction: current?.id ?? 'none' };
  }

  /** What another connection saw when the hook of the note ran; waits for the hook. */
  seenByHook(text: string): Promise<readonly string[]> {
    return this.#hookOf(text).opened;
  }

  #hookOf(text: string): Gate<readonly string[]> {
    const hook = this.#hooks.get(text) ?? gate();
    this.#hooks.set(text, hook);
    return hook;
  }
}
