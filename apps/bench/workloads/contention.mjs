import { ROWS } from '../database/tables.mjs';
import { keysOf } from '../measure/callers.mjs';
import { startClock } from '../measure/clock.mjs';
import { callOf } from './transactions.mjs';
import { NO_EFFECT } from './workload.mjs';

/** @typedef {import('../contestants/contestant.mjs').Add} Add */
/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../contestants/contestant.mjs').Keys} Keys */
/** @typedef {import('./workload.mjs').Sample} Sample */
/** @typedef {import('./workload.mjs').Workload} Workload */

/**
 * Who adds how often, and where.
 *
 * @typedef {object} Crowd
 * @property {number} callers that work at the same time
 * @property {number} increments of all of them together
 * @property {number} ms after which they stop where they are
 * @property {(caller: number) => readonly Keys[]} rowsOf a caller
 */

/** The ways to keep two from overtaking each other. */
export const WAYS = /** @type {const} */ ([
  { label: 'version', task: 'addVersioned' },
  { label: 'row lock', task: 'addLocked' },
  { label: 'SERIALIZABLE', task: 'addSerializable' },
  { label: 'advisory lock', task: 'addAlone' },
]);

const CALLERS = 32;
const INCREMENTS = 2_000;
/** How long they may take, in turns. */
const PATIENCE_TURNS = 60;
/** The row that everybody wants; no caller's own. */
export const HOT = { first: ROWS, second: ROWS };

/** @type {readonly Workload[]} */
export const contention = [
  workload('own-row', '32 callers add 2,000 times, each to rows of its own', keysOf),
  workload('hot-row', '32 callers add 2,000 times to one row', () => [HOT]),
];

/**
 * @param {string} name
 * @param {string} title
 * @param {Crowd['rowsOf']} rowsOf
 * @returns {Workload}
 */
function workload(name, title, rowsOf) {
  return {
    name,
    title,
    effect: { ...NO_EFFECT, balance: 1, versions: 1 },
    baseline: 'row lock',
    lines: WAYS.map(({ label, task }) => ({
      label,
      call: callOf(task),
      measure: (contestant, ms) =>
        compete(contestant, contestant.tasks[task], {
          callers: CALLERS,
          increments: INCREMENTS,
          ms: ms * PATIENCE_TURNS,
          rowsOf,
        }),
    })),
  };
}

/**
 * @param {Contestant} contestant
 * @param {Add} add
 * @param {Crowd} crowd
 * @returns {Promise<Sample>}
 */
export async function compete(contestant, add, { callers, increments, ms, rowsOf }) {
  const rows = Array.from({ length: callers }, (_, caller) => rowsOf(caller));
  const before = await balanceOf(contestant, rows);
  const conflicts = { retries: 0, most: 0, lost: 0 };
  /** @type {number[]} */
  const latenciesMs = [];
  let calls = 0;
  const clock = startClock();

  /** @param {readonly Keys[]} own */
  const caller = async (own) => {
    while (calls < increments && clock.elapsedMs < ms) {
      const keys = own[calls++ % own.length] ?? HOT;
      const startedAt = performance.now();
      const retries = await add(keys);
      latenciesMs.push(performance.now() - startedAt);
      conflicts.retries += retries;
      conflicts.most = Math.max(conflicts.most, retries);
    }
  };

  await Promise.all(rows.map((own) => contestant.asRequest(() => caller(own))));
  clock.stop();
  conflicts.lost = before + calls - (await balanceOf(contestant, rows));
  return { units: calls, ...clock.reading, latenciesMs, calls, conflicts };
}

/**
 * @param {Contestant} contestant
 * @param {readonly (readonly Keys[])[]} rows
 * @returns {Promise<number>}
 */
async function balanceOf({ pool }, rows) {
  const ids = [...new Set(rows.flat().map(({ first }) => first))];
  const found = await pool.query('SELECT sum(balance)::float8 AS balance FROM account WHERE id = ANY($1)', [
    ids,
  ]);
  return found.rows[0].balance;
}
