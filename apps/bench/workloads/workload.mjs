/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../contestants/contestant.mjs').Tasks} Tasks */

/**
 * What one transaction leaves in the tables, summed over all rows.
 *
 * @typedef {{ counted: number, balance: number, versions: number }} Effect
 */

/**
 * What was seen in one round. A unit is what the workload counts: transactions, or levels of calls.
 *
 * @typedef {object} Sample
 * @property {number} units
 * @property {number} elapsedMs
 * @property {number} cpuMs of this process, system time included
 * @property {number} [plainMs] how long the same units took undecorated, in the same process
 * @property {number[]} latenciesMs of single transactions; empty where looking at the clock would be what is measured
 * @property {number} calls of the task, for the check of what was committed
 */

/**
 * One line of the result: the same work under one circumstance.
 *
 * @typedef {object} Line
 * @property {string} label
 * @property {(contestant: Contestant, ms: number) => Promise<Sample>} measure takes about `ms`
 */

/**
 * @typedef {object} Workload
 * @property {string} name as `--only` takes it
 * @property {string} title
 * @property {keyof Tasks} [task] what is called; round trips are counted for it
 * @property {Effect} effect of each call of the task
 * @property {readonly Line[]} lines
 */

/** @type {Effect} */
export const NO_EFFECT = { counted: 0, balance: 0, versions: 0 };
