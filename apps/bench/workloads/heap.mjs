import { runTimes } from '../measure/callers.mjs';
import { leftoversNow, watchTimers } from '../measure/leftovers.mjs';
import { NO_EFFECT } from './workload.mjs';

/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../measure/leftovers.mjs').Leftovers} Leftovers */
/** @typedef {import('./workload.mjs').Effect} Effect */

/**
 * What grew while so many transactions ran.
 *
 * @typedef {Leftovers & { transactions: number }} Growth
 */

/** @type {readonly { title: string, task: 'nothing' | 'count', transactions: number, effect: Effect }[]} */
export const ENDURANCES = [
  { title: 'without SQL', task: 'nothing', transactions: 200_000, effect: NO_EFFECT },
  { title: 'with one UPDATE', task: 'count', transactions: 5_000, effect: { ...NO_EFFECT, counted: 1 } },
];

const CALLERS = 16;
/** Runs before anything is looked at: caches fill, code is compiled, the pool connects. */
const WARM_UP = 0.1;

/**
 * @param {Contestant} contestant
 * @param {(typeof ENDURANCES)[number]} endurance
 * @param {number} ms after which it ends, with whatever number of transactions it has reached
 * @returns {Promise<{ growth: Growth, calls: number }>}
 */
export async function endure(contestant, { task, transactions }, ms) {
  const watch = watchTimers();
  const load = { task, callers: CALLERS, batch: 8, ms };
  try {
    const warmUp = await runTimes(transactions * WARM_UP, contestant, load);
    const before = await leftoversNow(contestant.pool, watch);
    const { calls } = await runTimes(transactions, contestant, load);
    const after = await leftoversNow(contestant.pool, watch);
    return { growth: { transactions: calls, ...difference(after, before) }, calls: calls + warmUp.calls };
  } finally {
    watch.stop();
  }
}

/**
 * @param {Leftovers} after
 * @param {Leftovers} before
 * @returns {Leftovers}
 */
function difference(after, before) {
  return {
    heapBytes: after.heapBytes - before.heapBytes,
    listeners: after.listeners - before.listeners,
    timers: after.timers - before.timers,
    sessions: after.sessions - before.sessions,
  };
}
