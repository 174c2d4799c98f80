import { median, percentile } from '../measure/statistics.mjs';

/** @typedef {import('../contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {import('../workloads/workload.mjs').Sample} Sample */

/**
 * What one contestant showed on one line. Times are per unit, in microseconds.
 *
 * @typedef {object} Figures
 * @property {number} timeUs median over the rounds, on the wall
 * @property {number} ratio median of the rounds' ratios to the reference
 * @property {number} moreUs median of the rounds' differences to the same code undecorated where that was measured, else to
 *   the reference
 * @property {number} cpuUs median over the rounds, of this process
 * @property {number} cpuRatio median of the rounds' ratios to the reference
 * @property {number | null} p50Us of single transactions, over all rounds; null where they were not timed
 * @property {number | null} p99Us
 * @property {number} units in all rounds
 * @property {number[]} roundsUs time of each round
 */

/**
 * Rounds are compared one by one: what disturbed the machine in one of them disturbed everybody.
 *
 * @param {readonly Sample[]} samples
 * @param {readonly Sample[]} reference
 * @returns {Figures}
 */
export function figuresOf(samples, reference) {
  const times = samples.map(timeOf);
  const cpu = samples.map(cpuOf);
  const latencies = samples.flatMap(({ latenciesMs }) => latenciesMs);
  const referenceTimes = reference.map(timeOf);
  const plain = samples.flatMap(({ plainMs, units }) =>
    plainMs === undefined ? [] : (plainMs * 1000) / units,
  );
  return {
    timeUs: median(times),
    ratio: median(ratios(times, referenceTimes)),
    moreUs: median(times.map((time, round) => time - (plain[round] ?? referenceTimes[round] ?? Number.NaN))),
    cpuUs: median(cpu),
    cpuRatio: median(ratios(cpu, reference.map(cpuOf))),
    p50Us: latencies.length === 0 ? null : percentile(latencies, 50) * 1000,
    p99Us: latencies.length === 0 ? null : percentile(latencies, 99) * 1000,
    units: samples.reduce((sum, sample) => sum + sample.units, 0),
    roundsUs: times,
  };
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
