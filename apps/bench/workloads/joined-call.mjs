import { startClock } from '../measure/clock.mjs';
import { NO_EFFECT } from './workload.mjs';

/** @typedef {import('../contestants/contestant.mjs').Descend} Descend */
/** @typedef {import('./workload.mjs').Sample} Sample */
/** @typedef {import('./workload.mjs').Workload} Workload */

/** So many levels pass between two looks at the clock, which would else cost more than a call. */
const LEVELS_AT_ONCE = 5_000;

/** @type {Workload} */
export const joinedCall = {
  name: 'joined-call',
  title: 'call inside a transaction, per level (more: than the same method undecorated)',
  effect: NO_EFFECT,
  lines: [1, 5, 50].map((depth) => ({
    label: `depth ${depth}`,
    measure: async (contestant, ms) => {
      /** @type {Omit<Sample, 'calls'> | undefined} */
      let sample;
      await contestant.asRequest(() =>
        contestant.inTransaction(async (descend, plain) => {
          sample = await alternate(ms, depth, { descend, plain });
        }),
      );
      return { units: 0, elapsedMs: 0, cpuMs: 0, latenciesMs: [], ...sample, calls: 0 };
    },
  })),
};

/**
 * Both in turns: what the process has loaded makes the plain one slower, too, and only the difference is the decorator's.
 *
 * @param {number} ms
 * @param {number} depth
 * @param {{ descend: Descend, plain: Descend }} both
 * @returns {Promise<Omit<Sample, 'calls'>>}
 */
async function alternate(ms, depth, { descend, plain }) {
  const until = performance.now() + ms;
  const total = { units: 0, elapsedMs: 0, cpuMs: 0, plainMs: 0, latenciesMs: [] };
  while (performance.now() < until) {
    const reading = await repeat(descend, depth);
    total.plainMs += (await repeat(plain, depth)).elapsedMs;
    total.units += Math.ceil(LEVELS_AT_ONCE / depth) * depth;
    total.elapsedMs += reading.elapsedMs;
    total.cpuMs += reading.cpuMs;
  }
  return total;
}

/**
 * @param {Descend} descend
 * @param {number} depth
 */
async function repeat(descend, depth) {
  const clock = startClock();
  for (let levels = 0; levels < LEVELS_AT_ONCE; levels += depth) await descend(depth);
  clock.stop();
  return clock.reading;
}
