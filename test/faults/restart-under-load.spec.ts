import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { OwnServer } from '../support/own-server.js';
import { fateOf, StrickenDatabase, until } from './stricken-database.js';
import { cases } from '../support/thoroughness.js';

const WORKERS = 10;
const ACCOUNTS = 20;
const TRANSFERS_BETWEEN_FAULTS = 150;

const server = new OwnServer();

beforeAll(() => server.start(), 60_000);
afterAll(() => server.stop());

/** Ten workers that transfer money, each transfer with a mark of its own. */
class Load {
  readonly resolved: string[] = [];
  readonly rejected: string[] = [];
  readonly unknown: string[] = [];
  #isOver = false;
  readonly #workers: Promise<unknown>;

  constructor(private readonly database: StrickenDatabase) {
    this.#workers = Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#work(worker)));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#workers;
  }

  /** Resolves when that many more transfers have succeeded. */
  async succeeds(more: number): Promise<void> {
    const goal = this.resolved.length + more;
    await until(() => this.resolved.length >= goal, `${more} more transfers succeed`);
  }

  async #work(worker: number): Promise<void> {
    for (let round = 0; !this.#isOver; round++) {
      const mark = `${worker}-${round}`;
      const fate = await fateOf(this.database.transactions.run((em) => this.#transfer(em, mark)));
      if (fate === undefined) this.resolved.push(mark);
      else if (fate.outcome === 'unknown') this.unknown.push(mark);
      else this.rejected.push(mark);
    }
  }

  async #transfer(em: EntityManager, mark: string): Promise<void> {
    const [from, to] = [pick(mark), pick(`${mark} to`)].toSorted((one, other) => one - other) as [
      number,
      number,
    ];
    await em.query('UPDATE account SET balance = balance - 1 WHERE id = $1', [from]);
    await em.query('INSERT INTO transfer (mark) VALUES ($1)', [`${mark} out`]);
    await em.transaction(async (inner) => {
      await inner.query('UPDATE account SET balance = balance + 1 WHERE id = $1', [to]);
      await inner.query('INSERT INTO transfer (mark) VALUES ($1)', [`${mark} in`]);
    });
  }
}

/** An account, always the same for the same mark. */
function pick(mark: string): number {
  let hash = 7;
  for (const letter of mark) hash = (hash * 31 + letter.charCodeAt(0)) % 9973;
  return hash % ACCOUNTS;
}

type Disaster = (database: StrickenDatabase) => Promise<void>;

const restarted =
  (mode: 'fast' | 'immediate'): Disaster =>
  async (database) => {
    await server.stop(mode);
    await server.start();
    database.retarget(server.url);
  };

/** One session's process dies; the server ends all the others, recovers, and goes on at the same address. */
const killed: Disaster = async (database) => {
  const { rows } = await database.observer.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'stricken'`,
  );
  process.kill(rows[0]!.pid, 'SIGKILL');
};

const DISASTERS = [
  ['restarted at once', restarted('immediate')],
  ['restarted in order', restarted('fast')],
  ['hit by the death of a process', killed],
] as const;

describe.each(
  cases(DISASTERS.slice(0, 1), DISASTERS.slice(1)).flatMap(([name, disaster]) =>
    cases([true], [false]).map((tracking) => ({ name, disaster, tracking })),
  ),
)('a server that is $name under load, with outcome tracking: $tracking', ({ disaster, tracking }) => {
  it('has each transfer whole or not at all, and as its caller was told', async () => {
    const database = await StrickenDatabase.open({
      url: server.url,
      dataSource: { poolSize: WORKERS },
      enlist: { outcomeTracking: tracking },
    });
    await database.observer.query(`
      DROP TABLE IF EXISTS account, transfer;
      CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
      CREATE TABLE transfer (mark text PRIMARY KEY);
      INSERT INTO account SELECT n, 100 FROM generate_series(0, ${ACCOUNTS - 1}) n;
    `);
    const load = new Load(database);
    await load.succeeds(TRANSFERS_BETWEEN_FAULTS);
    await disaster(database);
    await load.succeeds(TRANSFERS_BETWEEN_FAULTS);
    await load.stop();

    const { rows } = await database.observer.query<{ mark: string }>('SELECT mark FROM transfer');
    const stored = new Set(rows.map(({ mark }) => mark));
    const parts = (mark: string): number =>
      [`${mark} out`, `${mark} in`].filter((part) => stored.has(part)).length;
    const whole = (count: number): boolean => count === 0 || count === 2;
    expect(load.resolved.filter((mark) => parts(mark) !== 2)).toEqual([]);
    expect(load.rejected.filter((mark) => parts(mark) !== 0)).toEqual([]);
    expect(load.unknown.filter((mark) => !whole(parts(mark)))).toEqual([]);
    expect(load.rejected.length + load.unknown.length).toBeGreaterThan(0);
    const known = new Set(
      [...load.resolved, ...load.unknown].flatMap((mark) => [`${mark} out`, `${mark} in`]),
    );
    expect([...stored].filter((mark) => !known.has(mark))).toEqual([]);
    const [{ total }] = (
      await database.observer.query<{ total: string }>('SELECT sum(balance) AS total FROM account')
    ).rows as [{ total: string }];
    expect(Number(total)).toBe(ACCOUNTS * 100);
    if (tracking) expect(load.unknown).toEqual([]);

    await database.expectHealthy();
    await database.close();
  }, 60_000);
});
