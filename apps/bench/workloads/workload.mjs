/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../contestants/contestant.mjs').ContestantName} ContestantName */

/**
 * What one transaction leaves in the tables, summed over all rows.
 *
 * @typedef {{ counted: number, balance: number, versions: number, patches: number }} Effect
 */

/**
 * What was seen in one round. A unit is what the workload counts: transactions, or levels of calls.
 *
 * @typedef {object} Sample
 * @property {number} units
 * @property {number} elapsedMs
 * @property {number} cpuMs of the contestant's process, system time included
 * @property {number} [plainMs] how long the same units took undecorated, in the same process
 * @property {number[]} latenciesMs of single transactions; empty where looking at the clock would be what is measured
 * @property {number} calls of the task, for the check of what was committed
 * @property {import('../report/figures.mjs').Conflicts} [conflicts] where callers meet; the retries of all calls together
 */

/**
 * One call of what is measured, once the contestant has prepared it.
 *
 * @typedef {(contestant: Contestant) => Promise<() => Promise<unknown>>} Call
 */

/**
 * One line of the result: the same work under one circumstance.
 *
 * @typedef {object} Line
 * @property {string} label
 * @property {(contestant: Contestant, ms: number) => Promise<Sample>} measure takes about `ms`
 * @property {Call} [call] whose round trips are counted, where it is not the workload's
 * @property {Effect} [effect] of each call, where it is not the workload's
 */

/**
 * @typedef {object} Workload
 * @property {string} name as `--only` takes it
 * @property {string} title
 * @property {Call} [call] whose round trips are counted
 * @property {Effect} effect of each call
 * @property {readonly ContestantName[]} [contestants] that take part, where it is not all of them
 * @property {boolean} [isServed] over HTTP, so that requests per second are told
 * @property {ContestantName} [reference] where it is not the first contestant
 * @property {string} [baseline] label of the line that a contestant's other lines are compared with
 * @property {readonly Line[]} lines
 */

/** @type {Effect} */
export const NO_EFFECT = { counted: 0, balance: 0, versions: 0, patches: 0 };
