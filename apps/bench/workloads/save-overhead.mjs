import { ROWS } from '../database/tables.mjs';
import { keysOf, runFor } from '../measure/callers.mjs';
import { startClock } from '../measure/clock.mjs';
import { callOf } from './transactions.mjs';
import { NO_EFFECT } from './workload.mjs';

/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('./workload.mjs').Sample} Sample */
/** @typedef {import('./workload.mjs').Workload} Workload */

const MANY = Math.min(1000, ROWS);
const ONE = keysOf(0).map(({ first }) => [first]);
const ALL = [Array.from({ length: MANY }, (_, index) => index + 1)];

/** @type {Workload} */
export const saveOverhead = {
  name: 'save-overhead',
  title: 'save() of versioned entities, per entity',
  reference: 'typeorm',
  effect: { ...NO_EFFECT, balance: 1, versions: 1 },
  lines: [
    {
      label: 'loaded before',
      call: (contestant) => contestant.load(ONE[0] ?? []),
      measure: (contestant, ms) => repeat(contestant, ONE, ms),
    },
    {
      label: 'find + save',
      call: callOf('deposit'),
      measure: (contestant, ms) => runFor(ms, contestant, { task: 'deposit', callers: 1, batch: 1 }),
    },
    {
      label: '1,000 at once',
      effect: { ...NO_EFFECT, balance: MANY, versions: MANY },
      measure: (contestant, ms) => repeat(contestant, ALL, ms),
    },
  ],
};

/**
 * Saves each group of accounts in turn, again and again, as they came out of the last save.
 *
 * @param {Contestant} contestant
 * @param {readonly (readonly number[])[]} groups
 * @param {number} ms
 * @returns {Promise<Sample>}
 */
async function repeat(contestant, groups, ms) {
  return await contestant.asRequest(async () => {
    const saves = await Promise.all(groups.map((ids) => contestant.load(ids)));
    /** @type {number[]} */
    const latenciesMs = [];
    let calls = 0;
    const clock = startClock();
    while (clock.elapsedMs < ms) {
      const startedAt = performance.now();
      await saves[calls++ % saves.length]?.();
      latenciesMs.push(performance.now() - startedAt);
    }
    clock.stop();
    return { units: calls * (groups[0]?.length ?? 1), ...clock.reading, latenciesMs, calls };
  });
}
