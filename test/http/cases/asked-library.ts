import { createHash } from 'node:crypto';
import { BooksController, ShelvesController, VolumesController } from '../library.js';
import { ask, saidBy } from '../exchange.js';
import { RunningLibrary, type Platform } from '../running-library.js';
import { isOfShelf, LAST_MODIFIED, MODIFIED, NOW, type Case, type Given } from './case.js';
import { OddBooksController, Slowcoach } from './odd-books.js';

/** What came back, with the time of the test replaced. */
export interface Told {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** The book's title; `null` where there is no book. */
  readonly stored: string | null;
}

/** Asks a running library what a case asks. */
export class AskedLibrary {
  private constructor(private readonly running: RunningLibrary) {}

  static async open(platform: Platform, mode: 'opt-in' | 'atomic'): Promise<AskedLibrary> {
    const controllers = [BooksController, ShelvesController, VolumesController, OddBooksController];
    const transactional = { request: { mode } };
    return new AskedLibrary(
      await RunningLibrary.open({ platform, controllers, providers: [Slowcoach], transactional }),
    );
  }

  async tell(one: Case, number: number): Promise<Told> {
    const id = idFor(one, number);
    await this.#give(one.given, id);
    const [method, path] = one.request.split(' ') as [string, string];
    const body = one.body === undefined ? undefined : filled(textOf(one.body), id);
    const headers = {
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
      }),
      ...(JSON.parse(filled(JSON.stringify(one.headers), id)) as Record<string, string>),
    };
    const answer = await ask(this.running.url + filled(path, id), { method, headers, body });
    const said = saidBy(answer);
    const modified = said['last-modified'];
    return {
      status: answer.status,
      headers: {
        ...said,
        ...(modified !== undefined && modified !== LAST_MODIFIED && { 'last-modified': NOW }),
      },
      text: answer.body.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (date) => (date === MODIFIED ? date : NOW)),
      stored: (await this.running.titleOf(isUuid(id) ? id : NOBODY)) ?? null,
    };
  }

  async close(): Promise<void> {
    await this.running.close();
  }

  async #give(given: Given, id: string): Promise<void> {
    const deletedAt = given === 'a soft-deleted book' ? MODIFIED : null;
    if (given === 'a shelf') {
      await this.running.rows(`INSERT INTO shelf (id, name, version) VALUES ($1, 'A', 3)`, [id]);
      await this.running.rows(`INSERT INTO volume (id, title, "shelfId") VALUES ($1, 'I', $1)`, [id]);
    } else if (given !== 'nothing') {
      const sql = `INSERT INTO book (id, title, version, "updatedAt", "deletedAt") VALUES ($1, 'Moby-Dick', 3, $2, $3)`;
      await this.running.rows(sql, [id, MODIFIED, deletedAt]);
    }
  }
}

const NOBODY = '00000000-0000-4000-8000-999999999999';

/** The same on each platform, and no other case's. */
export function idFor(one: Case, number: number): string {
  return isOfShelf(one)
    ? String(1_000_000 + number)
    : `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** Puts the id where it belongs, and the tags that only the representation's variant tells. */
export function filled(text: string, id: string): string {
  const tagOf = (version: number, all: string): string => {
    const variant = createHash('sha256').update(all.replaceAll('\\', '')).digest('hex').slice(0, 12);
    return `"${version}-${variant}"`;
  };
  const quoted = (tag: string): string => (text.startsWith('{"') ? tag.replaceAll('"', '\\"') : tag);
  return text
    .replaceAll('{id}', id)
    .replaceAll(/\{tag of (\[.*?\])\}/g, (_, all: string) => quoted(tagOf(3, all)))
    .replaceAll(/\{new tag of (\[.*?\])\}/g, (_, all: string) => quoted(tagOf(4, all)));
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function isUuid(id: string): boolean {
  return id.includes('-');
}
