import { median, percentile } from '../measure/statistics.mjs';

/** @typedef {import('../contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {import('../workloads/workload.mjs').Sample} Sample */

/**
 * How often a call was tried again, on average and at most, and how many are told to be stored and are not.
 *
 * @typedef {{ retries: number, most: number, lost: number }} Conflicts
 */

/**
 * What one contestant showed on one line. Times are per unit, in microseconds.
 *
 * @typedef {object} Figures
 * @property {number} timeUs median over the rounds, on the wall
 * @property {number} perSecond units, median over the rounds
 * @property {number} perSecondRatio median of the rounds' ratios to the reference
 * @property {number} ratio median of the rounds' ratios to the reference
 * @property {number} moreUs median of the rounds' differences to the same code undecorated where that was measured, else to
 *   the reference
 * @property {number} cpuUs median over the rounds, of this process
 * @property {number} cpuRatio median of the rounds' ratios to the reference
 * @property {number | null} p50Us of single transactions, over all rounds; null where they were not timed
 * @property {number | null} p99Us
 * @property {number} units in all rounds
 * @property {number[]} roundsUs time of each round
 * @property {number | null} baselineRatio median of the rounds' ratios to the contestant's own baseline; null where there is none
 * @property {Conflicts | null} conflicts null where callers do not meet
 */

/**
 * Rounds are compared one by one: what disturbed the machine in one of them disturbed everybody.
 *
 * @param {readonly Sample[]} samples
 * @param {readonly Sample[]} reference
 * @param {readonly Sample[]} [baseline]
 * @returns {Figures}
 */
export function figuresOf(samples, reference, baseline) {
  const times = samples.map(timeOf);
  const cpu = samples.map(cpuOf);
  const latencies = samples.flatMap(({ latenciesMs }) => latenciesMs);
  const referenceTimes = reference.map(timeOf);
  const plain = samples.flatMap(({ plainMs, units }) =>
    plainMs === undefined ? [] : (plainMs * 1000) / units,
  );
  return {
    timeUs: median(times),
    perSecond: median(times.map((us) => 1_000_000 / us)),
    perSecondRatio: median(ratios(referenceTimes, times)),
    ratio: median(ratios(times, referenceTimes)),
    moreUs: median(times.map((time, round) => time - (plain[round] ?? referenceTimes[round] ?? Number.NaN))),
    cpuUs: median(cpu),
    cpuRatio: median(ratios(cpu, reference.map(cpuOf))),
    p50Us: latencies.length === 0 ? null : percentile(latencies, 50) * 1000,
    p99Us: latencies.length === 0 ? null : percentile(latencies, 99) * 1000,
    units: sum(samples.map((sample) => sample.units)),
    roundsUs: times,
    baselineRatio: baseline === undefined ? null : median(ratios(times, baseline.map(timeOf))),
    conflicts: conflictsIn(samples),
  };
}

/**
 * @param {readonly Sample[]} samples
 * @returns {Conflicts | null}
 */
function conflictsIn(samples) {
  const conflicts = samples.flatMap((sample) => sample.conflicts ?? []);
  if (conflicts.length === 0) return null;
  return {
    retries: sum(conflicts.map(({ retries }) => retries)) / sum(samples.map(({ calls }) => calls)),
    most: Math.max(...conflicts.map(({ most }) => most)),
    lost: sum(conflicts.map(({ lost }) => lost)),
  };
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}

/** @param {Sample} sample */
function timeOf({ elapsedMs, units }) {
  return (elapsedMs * 1000) / units;
}

/** @param {Sample} sample */
function cpuOf({ cpuMs, units }) {
  return (cpuMs * 1000) / units;
}

/**
 * @param {readonly number[]} values
 * @param {readonly number[]} reference
 */
function ratios(values, reference) {
  return values.map((value, round) => value / (reference[round] ?? Number.NaN));
}
