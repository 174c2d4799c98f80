import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type pg from 'pg';
import { cases, rounds } from '../support/thoroughness.js';
import { anyHistory, AUDIT, Leaf, WRITERS, type Action, type AuditEntry, type History } from './history.js';
import { HistoryWriter, type Acknowledged, type Refusal } from './history-writer.js';
import { OptimisticLockError } from './library.js';
import { openObserver, VersionedDatabase } from './versioned-database.js';

const HISTORIES = rounds({ usual: 15, thorough: 1000 });
const LIMIT_MS = 600_000;
let database: VersionedDatabase;
let observer: pg.Client;

beforeAll(async () => {
  observer = await openObserver();
  database = await VersionedDatabase.open([Leaf], { extra: { options: '-c deadlock_timeout=20ms' } });
  await observer.query(`DROP TABLE IF EXISTS audit; DROP FUNCTION IF EXISTS write_down; ${AUDIT}`);
});
afterAll(async () => {
  await observer.end();
  await database.close();
});

/** What came of a history: what was promised, and what happened. */
interface Outcome {
  readonly acknowledged: readonly Acknowledged[];
  readonly refused: readonly Refusal[];
  readonly wrong: readonly string[];
  /** In the order in which it happened, row by row. */
  readonly audit: readonly AuditEntry[];
}

async function play({ isolation, steps }: History): Promise<Outcome> {
  await observer.query(`
    DELETE FROM leaf;
    INSERT INTO leaf (id, token, version) VALUES (1, 'first', 1), (2, 'first', 1);
    TRUNCATE audit;
  `);
  const { transactions } = database;
  const writers = WRITERS.map(
    (name) => new HistoryWriter({ name: `${name}`, transactions, isolation, observer }),
  );
  const haveSettled = async (): Promise<void> => {
    for (const writer of writers) await writer.hasSettled();
  };
  for (const step of steps) {
    writers[step.writer]!.tell(step);
    await haveSettled();
  }
  for (const writer of writers) {
    writer.close();
    await haveSettled();
  }
  await Promise.all(writers.map(({ ended }) => ended));
  const { rows: audit } = await observer.query<AuditEntry>('SELECT * FROM audit ORDER BY seq');
  return {
    acknowledged: writers.flatMap((writer) => writer.acknowledged),
    refused: writers.flatMap((writer) => writer.refused),
    wrong: writers.flatMap((writer) => writer.wrong),
    audit,
  };
}

/** What a write leaves behind when it was done. */
const TRACES: Partial<Record<Action, readonly AuditEntry['op'][]>> = {
  save: ['UPDATE'],
  softRemove: ['UPDATE'],
  recover: ['UPDATE'],
  update: ['UPDATE'],
  remove: ['DELETE'],
  upsert: ['UPDATE', 'INSERT'],
  insert: ['INSERT'],
};

/** Every version is the one before plus one; a row that is gone comes back by an insertion only. */
function expectOneLine(audit: readonly AuditEntry[]): void {
  for (const id of [1, 2]) {
    let version: number | null = 1;
    for (const entry of audit.filter((each) => each.id === id)) {
      expect({ entry, from: entry.from }).toEqual({ entry, from: version });
      const next: Record<AuditEntry['op'], number | null> = {
        INSERT: 1,
        UPDATE: (version ?? 0) + 1,
        DELETE: null,
      };
      expect({ entry, to: entry.to }).toEqual({ entry, to: next[entry.op] });
      version = entry.to;
    }
  }
}

/** What is stored is what was promised: no more, no less, and based on what the writer had seen. */
function expectPromisesKept({ acknowledged, audit }: Outcome): void {
  const transactions = new Set([...acknowledged, ...audit].map(({ xid }) => xid));
  for (const transaction of transactions) {
    const promises = acknowledged.filter(({ xid }) => xid === transaction);
    const entries = audit.filter(({ xid }) => xid === transaction);
    expect(entries).toHaveLength(promises.length);
    for (const [index, { action, id, token, from, to }] of promises.entries()) {
      const entry = entries[index]!;
      expect(TRACES[action]).toContain(entry.op);
      expect(entry).toMatchObject({ id, ...(from !== undefined && { from }) });
      if (['save', 'update', 'upsert', 'insert'].includes(action)) expect(entry.token).toBe(token);
      if (to !== undefined && action !== 'remove') expect(entry.to).toBe(to);
    }
  }
}

/** Nobody is refused for nothing. */
function expectGoodReasons({ isolation }: History, { refused, audit }: Outcome): void {
  for (const { error, step, from, actual, isOwnDoing } of refused) {
    if (!(error instanceof OptimisticLockError)) {
      const { message, driverError } = error as { message: string; driverError?: { code?: string } };
      expect({ error, step, code: driverError?.code }).toMatchObject({
        code: expect.stringMatching(/^(40001|40P01)$/),
      });
      // The row itself was written meanwhile: of a write that carries a version, that is a conflict.
      if (from !== undefined) expect(message).not.toMatch(/due to concurrent (update|delete)/);
      continue;
    }
    expect(error).toMatchObject({ entity: 'Leaf', id: step.id, expected: from });
    const cameBack = audit.some(({ id, op }) => id === step.id && op === 'DELETE');
    if (isolation !== 'SERIALIZABLE' && !isOwnDoing && !cameBack) expect(actual).not.toBe(from);
  }
}

it(
  `no update is lost, no version goes back and no row comes back in ${HISTORIES} random histories of three writers`,
  async () => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyHistory, async (history) => {
        const outcome = await play(history);
        expect(outcome.wrong).toEqual([]);
        expectOneLine(outcome.audit);
        expectPromisesKept(outcome);
        expectGoodReasons(history, outcome);
        for (const { action } of outcome.acknowledged) kinds.add(action);
        if (outcome.refused.some(({ error }) => error instanceof OptimisticLockError)) kinds.add('conflict');
      }),
      { numRuns: HISTORIES, endOnFailure: true },
    );

    // What never happens is not tested.
    const usual = ['save', 'conflict'];
    const further = ['remove', 'softRemove', 'recover', 'update', 'upsert', 'insert'];
    expect([...kinds]).toEqual(expect.arrayContaining(cases(usual, further)));
  },
  LIMIT_MS,
);
