import { ROWS } from '../database/tables.mjs';
import { startClock } from './clock.mjs';

/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../contestants/contestant.mjs').Keys} Keys */
/** @typedef {import('../workloads/workload.mjs').Sample} Sample */

/**
 * @typedef {object} Load
 * @property {keyof import('../contestants/contestant.mjs').Tasks} task
 * @property {number} callers that work at the same time, each on rows of its own
 * @property {number} batch transactions between two looks at the clock; with 1, each is timed by itself
 */

const MAX_CALLERS = 32;
const ROWS_PER_CALLER = ROWS / MAX_CALLERS;

/**
 * Repeats the task for about `ms`.
 *
 * @param {number} ms
 * @param {Contestant} contestant
 * @param {Load} load
 * @returns {Promise<Sample>}
 */
export async function runFor(ms, contestant, load) {
  const clock = startClock();
  return await repeat(contestant, load, { clock, isOver: () => clock.elapsedMs >= ms });
}

/**
 * Repeats the task `times` times, but stops when `ms` are over.
 *
 * @param {number} times
 * @param {Contestant} contestant
 * @param {Load & { ms: number }} load
 * @returns {Promise<Sample>}
 */
export async function runTimes(times, contestant, { ms, ...load }) {
  const clock = startClock();
  return await repeat(contestant, load, {
    clock,
    isOver: (calls) => calls >= times || clock.elapsedMs >= ms,
  });
}

/**
 * @param {Contestant} contestant
 * @param {Load} load
 * @param {{ clock: ReturnType<typeof startClock>, isOver: (calls: number) => boolean }} limit
 * @returns {Promise<Sample>}
 */
async function repeat(contestant, { task, callers, batch }, { clock, isOver }) {
  const { [task]: work } = contestant.tasks;
  /** @type {number[]} */
  const latenciesMs = [];
  let calls = 0;

  /** @param {readonly Keys[]} keys */
  const caller = async (keys) => {
    while (!isOver(calls)) {
      const startedAt = performance.now();
      for (let i = 0; i < batch; i++) await work(keys[(calls + i) % keys.length] ?? NO_KEYS);
      calls += batch;
      if (batch === 1) latenciesMs.push(performance.now() - startedAt);
    }
  };

  await Promise.all(
    Array.from({ length: callers }, (_, index) => contestant.asRequest(() => caller(keysOf(index)))),
  );
  clock.stop();
  return { units: calls, ...clock.reading, latenciesMs, calls };
}

/** @type {Keys} */
const NO_KEYS = { first: 1, second: 2 };

/**
 * @param {number} caller
 * @returns {readonly Keys[]} in ascending order within a pair, so that no two transactions can deadlock
 */
export function keysOf(caller) {
  const base = (caller % MAX_CALLERS) * ROWS_PER_CALLER + 1;
  return Array.from({ length: ROWS_PER_CALLER - 1 }, (_, index) => ({
    first: base + index,
    second: base + index + 1,
  }));
}
