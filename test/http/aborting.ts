import { request, type ClientRequest } from 'node:http';
import { Body, Controller, Injectable, Param, Patch } from '@nestjs/common';
import { Transactional, TransactionManager } from '@nest-transactional/core';
import { Versioned } from '@nest-transactional/http';
import { gate } from '../support/gate.js';
import { Book, LibraryService } from './library.js';
import type { RunningLibrary } from './running-library.js';

/** Where a request is when its client goes away. */
export const MOMENTS = [
  'before its first statement',
  'during a statement',
  'between two statements',
  'waiting for a row',
  'waiting for a connection',
  'during COMMIT',
] as const;
export type Moment = (typeof MOMENTS)[number];

/** Held by the observer, for statements to wait for. */
export const STATEMENT_LOCK = 7;
export const COMMIT_LOCK = 8;

interface Change {
  readonly title: string;
  readonly moment: Moment;
}

/** Writes as slowly as is wished. */
@Injectable()
export class Lingering {
  #arrived = 0;
  #mayGoOn = gate();

  constructor(
    private readonly library: LibraryService,
    private readonly transactions: TransactionManager,
  ) {}

  /** How many wait at the gate. */
  get arrived(): number {
    return this.#arrived;
  }

  letGo(): void {
    this.#mayGoOn.open();
    this.#mayGoOn = gate();
    this.#arrived = 0;
  }

  @Transactional()
  async change(id: string, { title, moment }: Change): Promise<Book> {
    if (moment === 'before its first statement') await this.#linger();
    if (moment === 'during a statement')
      await this.transactions
        .entityManager()
        .query('SELECT pg_advisory_xact_lock_shared($1)', [STATEMENT_LOCK]);
    const book = await this.library.rename(id, title);
    if (moment === 'between two statements') await this.#linger();
    book.copies = 1;
    return await this.library.books.save(book);
  }

  async #linger(): Promise<void> {
    this.#arrived++;
    await this.#mayGoOn.opened;
  }
}

@Controller('plain')
export class PlainController {
  constructor(private readonly lingering: Lingering) {}

  @Patch(':id')
  change(@Param('id') id: string, @Body() change: Change): Promise<Book> {
    return this.lingering.change(id, change);
  }
}

@Controller('versioned')
export class VersionedController {
  constructor(private readonly lingering: Lingering) {}

  @Patch(':id')
  @Versioned(Book)
  change(@Param('id') id: string, @Body() change: Change): Promise<Book> {
    return this.lingering.change(id, change);
  }
}

/** A COMMIT of a book waits for the observer's lock. */
export const SLOW_COMMIT = `
  CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(${COMMIT_LOCK}); RETURN NULL; END $$;
  CREATE CONSTRAINT TRIGGER slow_commit AFTER UPDATE ON book
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.title = 'during COMMIT') EXECUTE FUNCTION wait_at_commit();
`;

/** A client that will not wait for the answer. */
export function send(library: RunningLibrary, path: string, body: Change): ClientRequest {
  const headers = { 'content-type': 'application/json', 'if-match': '"1"' };
  const sent = request(library.url + path, { method: 'PATCH', headers, agent: false });
  sent.on('error', () => undefined);
  sent.end(JSON.stringify(body));
  return sent;
}

/** Asks until the answer is the expected one; the test's own time limit is the limit. */
export async function until<T>(ask: () => T | Promise<T>, isExpected: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isExpected(answer)) return answer;
    await new Promise((resume) => setImmediate(resume));
  }
}
