// The process of one contestant: libraries that change others (a prototype, all promises of the process) change only
// themselves here, and CPU and heap are the contestant's own.
import { openContestant } from './contestants/contestant.mjs';
import { countRoundTrips } from './measure/round-trips.mjs';
import { endure, ENDURANCES } from './workloads/heap.mjs';
import { WORKLOADS } from './workloads/index.mjs';

/** @typedef {import('./contestants/contestant.mjs').Contestant} Contestant */

/** Smaller than the crowd of callers, as in real life. */
const POOL_SIZE = 10;

const name = /** @type {import('./contestants/contestant.mjs').ContestantName} */ (process.argv[2]);
const url = process.argv[3] ?? '';
/** @type {Contestant} */
let contestant;

/** What the parent can ask for. */
const services = {
  async open() {
    contestant = await openContestant(name, { url, poolSize: POOL_SIZE });
  },
  /**
   * @param {string} workload
   * @param {string} label
   */
  countRoundTrips: (workload, label) =>
    countRoundTrips(name, url, lineOf(workload, label)?.call ?? workloadNamed(workload).call),
  /**
   * @param {string} workload
   * @param {string} label
   * @param {number} ms
   */
  async turn(workload, label, ms) {
    return await lineOf(workload, label)?.measure(contestant, ms);
  },
  /**
   * @param {string} title
   * @param {number} ms
   */
  async endure(title, ms) {
    const endurance = ENDURANCES.find((each) => each.title === title);
    return endurance && (await endure(contestant, endurance, ms));
  },
  close: () => contestant.close(),
};

/** @typedef {typeof services} Services */
/** @typedef {{ [Name in keyof Services]: { method: Name, args: Parameters<Services[Name]> } }[keyof Services]} Request */

// The parent is told, too, and ends this process when it is done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.on('disconnect', () => process.exit());
process.on('message', (/** @type {Request} */ request) => void answer(request));

/** @param {Request} request */
async function answer({ method, args }) {
  try {
    const service = /** @type {(...all: unknown[]) => Promise<unknown>} */ (services[method]);
    process.send?.({ result: await service(...args) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * @param {string} workload
 * @param {string} label
 */
function lineOf(workload, label) {
  return workloadNamed(workload).lines.find((each) => each.label === label);
}

/** @param {string} wanted */
function workloadNamed(wanted) {
  const found = WORKLOADS.find((each) => each.name === wanted);
  if (found === undefined) throw new Error(`There is no workload '${wanted}'.`);
  return found;
}
