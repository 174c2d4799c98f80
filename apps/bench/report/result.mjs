import { CONTESTANTS } from '../contestants/contestant.mjs';
import { figuresOf } from './figures.mjs';
import { count, duration, kilobytes, table } from './table.mjs';

/** @typedef {import('../contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {import('../tournament.mjs').Measured} Measured */
/** @typedef {import('../workloads/workload.mjs').Workload} Workload */
/** @typedef {import('../workloads/workload.mjs').Line} Line */
/** @typedef {import('./figures.mjs').Figures} Figures */

/**
 * @typedef {object} WorkloadResult
 * @property {string} name
 * @property {string} title
 * @property {Partial<Record<ContestantName, number>>} roundTrips
 * @property {{ label: string, figures: Partial<Record<ContestantName, Figures>> }[]} lines
 */

/**
 * @param {readonly Workload[]} workloads
 * @param {Omit<Measured, 'growths'>} measured
 * @returns {WorkloadResult[]}
 */
export function resultsOf(workloads, measured) {
  return workloads.map((workload) => ({
    name: workload.name,
    title: workload.title,
    roundTrips: Object.fromEntries(measured.roundTrips.get(workload) ?? []),
    lines: workload.lines.map((line) => ({ label: line.label, figures: figuresOn(line, measured) })),
  }));
}

/**
 * @param {Line} line
 * @param {Pick<Measured, 'samples'>} measured
 * @returns {Partial<Record<ContestantName, Figures>>}
 */
function figuresOn(line, { samples }) {
  const all = [...(samples.get(line) ?? [])];
  // The first contestant that takes part is the reference.
  const [, reference = []] = all.find(([name]) => name === first(all.map(([each]) => each))) ?? [];
  return Object.fromEntries(all.map(([name, own]) => [name, figuresOf(own, reference)]));
}

/** @param {readonly ContestantName[]} names */
function first(names) {
  return Object.keys(CONTESTANTS).find((name) => names.some((each) => each === name));
}

const HEAD = ['round trips', 'time', '×', 'more', 'p50', 'p99', 'CPU', 'CPU ×'];

/**
 * @param {WorkloadResult} result
 * @returns {string}
 */
export function describeWorkload({ name, title, roundTrips, lines }) {
  const rows = lines.flatMap(({ label, figures }) =>
    namesIn(figures).map((contestant) => [
      `${label.padEnd(10)}  ${CONTESTANTS[contestant].title}`,
      ...cellsOf(roundTrips[contestant], figures[contestant]),
    ]),
  );
  return `${name}: ${title}\n${table([['', ...HEAD], ...rows])}`;
}

/**
 * @param {number | undefined} roundTrips
 * @param {Figures | undefined} figures
 */
function cellsOf(roundTrips, figures) {
  if (figures === undefined) return [];
  const { timeUs, ratio, moreUs, p50Us, p99Us, cpuUs, cpuRatio } = figures;
  return [
    count(roundTrips),
    duration(timeUs),
    ratio.toFixed(2),
    duration(moreUs),
    duration(p50Us),
    duration(p99Us),
    duration(cpuUs),
    cpuRatio.toFixed(2),
  ];
}

/** @param {Measured['growths']} growths */
export function describeGrowths(growths) {
  const rows = growths.map(({ title, contestant, growth }) => [
    `${title.padEnd(16)}  ${CONTESTANTS[contestant].title}`,
    String(growth.transactions),
    kilobytes(growth.heapBytes),
    String(growth.listeners),
    String(growth.timers),
    String(growth.sessions),
  ]);
  const head = ['', 'transactions', 'heap', 'listeners', 'timers', 'sessions'];
  return `heap: what is left over\n${table([head, ...rows])}`;
}

/**
 * @param {Partial<Record<ContestantName, unknown>>} figures
 * @returns {ContestantName[]}
 */
function namesIn(figures) {
  return /** @type {ContestantName[]} */ (Object.keys(CONTESTANTS)).filter((name) => name in figures);
}
