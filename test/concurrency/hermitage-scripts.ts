import type { DataSource } from 'typeorm';
import { gate, watched } from '../support/gate.js';

type Rows = { id: number; value: number }[];
/** What one session does. */
export type Script = (statement: (sql: string) => Promise<Rows>) => Promise<unknown>;
type Open = (script: Script) => Promise<unknown>;

interface Anomaly {
  /** Whether it came about. */
  readonly happens: (open: Open, dataSource: DataSource) => Promise<boolean>;
  /** The levels at which PostgreSQL lets it happen. */
  readonly at: readonly string[];
}

/** A session that is led by the hand, from outside its method. */
class Session {
  #next = gate<{ sql?: string; throws?: boolean; answer: ReturnType<typeof gate<Rows>> }>();
  readonly ended: Promise<unknown>;

  constructor(open: Open) {
    this.ended = watched(
      open(async (statement) => {
        for (;;) {
          const { sql, throws, answer } = await this.#next.opened;
          this.#next = gate();
          if (throws) throw new Error('abort');
          if (sql === undefined) return;
          try {
            answer.open(await statement(sql));
          } catch (error) {
            answer.fail(error);
            throw error;
          }
        }
      }),
    );
  }

  do(sql: string): Promise<Rows> {
    const answer = gate<Rows>();
    this.#next.open({ sql, answer });
    return watched(answer.opened);
  }

  commit(): Promise<unknown> {
    this.#next.open({ answer: gate<Rows>() });
    return this.ended;
  }

  async abort(): Promise<void> {
    this.#next.open({ throws: true, answer: gate<Rows>() });
    await this.ended.catch(() => undefined);
  }
}

const READ = 'SELECT id, value FROM test ORDER BY id';
const set = (id: number, value: number): string => `UPDATE test SET value = ${value} WHERE id = ${id}`;
const valueOf = async (rows: Promise<Rows>, id: number): Promise<number | undefined> =>
  (await rows).find((row) => row.id === id)?.value;
const sorted = async (dataSource: DataSource): Promise<string> =>
  ((await dataSource.query(READ)) as Rows).map(({ value }) => value).join();

/** Resolves when the server has the statement waiting for a lock. */
async function isBlocked(dataSource: DataSource): Promise<void> {
  for (;;) {
    const waiting = (await dataSource.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )) as unknown[];
    if (waiting.length > 0) return;
  }
}

async function hasFailed(...work: Promise<unknown>[]): Promise<boolean> {
  return (await Promise.allSettled(work)).some(({ status }) => status === 'rejected');
}

/** @see https://github.com/ept/hermitage/blob/master/postgres.md */
export const ANOMALIES: Record<string, Anomaly> = {
  'G0: write cycles': {
    at: [],
    async happens(open, dataSource) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do(set(1, 11));
      const blocked = two.do(set(1, 12));
      await isBlocked(dataSource);
      await one.do(set(2, 21));
      await one.commit();
      if (await hasFailed(blocked)) return false;
      await two.do(set(2, 22));
      await two.commit();
      return !['11,21', '12,22'].includes(await sorted(dataSource));
    },
  },
  'G1a: aborted reads': {
    at: [],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do(set(1, 101));
      const during = await valueOf(two.do(READ), 1);
      await one.abort();
      const after = await valueOf(two.do(READ), 1);
      await two.commit();
      return during !== 10 || after !== 10;
    },
  },
  'G1b: intermediate reads': {
    at: [],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do(set(1, 101));
      const seen = await valueOf(two.do(READ), 1);
      await one.do(set(1, 11));
      await one.commit();
      await two.commit();
      return seen === 101;
    },
  },
  'G1c: circular information flow': {
    at: [],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do(set(1, 11));
      await two.do(set(2, 22));
      const first = await valueOf(one.do(READ), 2);
      const second = await valueOf(two.do(READ), 1);
      await hasFailed(one.commit(), two.commit());
      return first === 22 || second === 11;
    },
  },
  'OTV: observed transaction vanishes': {
    at: [],
    async happens(open, dataSource) {
      const [one, two, three] = [new Session(open), new Session(open), new Session(open)];
      await one.do(set(1, 11));
      await one.do(set(2, 19));
      const blocked = two.do(set(1, 12));
      await isBlocked(dataSource);
      await one.commit();
      const before = await valueOf(three.do('SELECT id, value FROM test WHERE id = 1'), 1);
      if (!(await hasFailed(blocked))) {
        await two.do(set(2, 18));
        await two.commit();
      }
      const after = await valueOf(three.do('SELECT id, value FROM test WHERE id = 2'), 2);
      await three.commit();
      // Who has seen the first transaction must not see less of it, nor the second one by halves.
      return before === 11 && after === 20;
    },
  },
  'PMP: predicate-many-preceders': {
    at: ['READ COMMITTED'],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      const before = await one.do('SELECT id, value FROM test WHERE value = 30');
      await two.do('INSERT INTO test VALUES (3, 30)');
      await two.commit();
      const after = await one.do('SELECT id, value FROM test WHERE value % 3 = 0');
      await one.commit();
      return before.length !== after.length;
    },
  },
  'P4: lost update': {
    at: ['READ COMMITTED'],
    async happens(open, dataSource) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do(READ);
      await two.do(READ);
      await one.do(set(1, 11));
      const blocked = two.do(set(1, 11));
      await isBlocked(dataSource);
      await one.commit();
      if (await hasFailed(blocked)) return false;
      await two.commit();
      return true;
    },
  },
  'G-single: read skew': {
    at: ['READ COMMITTED'],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      const before = await valueOf(one.do(READ), 1);
      await two.do(set(1, 12));
      await two.do(set(2, 18));
      await two.commit();
      const after = await valueOf(one.do(READ), 2);
      await one.commit();
      return before === 10 && after === 18;
    },
  },
  'G2-item: write skew': {
    at: ['READ COMMITTED', 'REPEATABLE READ'],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do(READ);
      await two.do(READ);
      await hasFailed(one.do(set(1, 11)), two.do(set(2, 21)));
      return !(await hasFailed(one.commit(), two.commit()));
    },
  },
  'G2: anti-dependency cycles': {
    at: ['READ COMMITTED', 'REPEATABLE READ'],
    async happens(open) {
      const [one, two] = [new Session(open), new Session(open)];
      await one.do('SELECT id, value FROM test WHERE value % 3 = 0');
      await two.do('SELECT id, value FROM test WHERE value % 3 = 0');
      await hasFailed(one.do('INSERT INTO test VALUES (3, 30)'), two.do('INSERT INTO test VALUES (4, 42)'));
      return !(await hasFailed(one.commit(), two.commit()));
    },
  },
};
