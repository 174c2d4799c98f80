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
 * @property {boolean} isServed over HTTP
 * @property {LineResult[]} lines
 */

/**
 * @typedef {object} LineResult
 * @property {string} label
 * @property {Partial<Record<ContestantName, number>>} roundTrips
 * @property {Partial<Record<ContestantName, Figures>>} figures
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
    isServed: workload.isServed ?? false,
    lines: workload.lines.map((line) => ({
      label: line.label,
      roundTrips: Object.fromEntries(measured.roundTrips.get(line) ?? []),
      figures: figuresOn(line, workload, measured),
    })),
  }));
}

/**
 * @param {Line} line
 * @param {Workload} workload
 * @param {Pick<Measured, 'samples'>} measured
 * @returns {Partial<Record<ContestantName, Figures>>}
 */
function figuresOn(line, workload, { samples }) {
  const ofLine = samples.get(line) ?? new Map();
  const wanted = workload.reference !== undefined && ofLine.has(workload.reference);
  // As a rule the first contestant that takes part.
  const reference = ofLine.get(wanted ? workload.reference : first([...ofLine.keys()])) ?? [];
  const baseline = workload.lines.find(({ label }) => label === workload.baseline);
  const ofBaseline = baseline && samples.get(baseline);
  return Object.fromEntries(
    [...ofLine].map(([name, own]) => [name, figuresOf(own, reference, ofBaseline?.get(name))]),
  );
}

/** @param {readonly ContestantName[]} names */
function first(names) {
  return Object.keys(CONTESTANTS).find((name) => names.some((each) => each === name));
}

const HEAD = ['round trips', 'time', '×', 'more', 'p50', 'p99', 'CPU', 'CPU ×'];
/** Of workloads over HTTP. */
const HEAD_OF_SERVED = ['per s', 'per s ×'];
/** Of workloads in which callers meet. */
const HEAD_OF_CONFLICTS = ['× row lock', 'retries', 'most', 'lost'];

/**
 * @param {WorkloadResult} result
 * @returns {string}
 */
export function describeWorkload({ name, title, isServed, lines }) {
  const width = Math.max(...lines.map(({ label }) => label.length));
  const rows = lines.flatMap(({ label, roundTrips, figures }) =>
    namesIn(figures).map((contestant) => [
      `${label.padEnd(width)}  ${CONTESTANTS[contestant].title}`,
      ...cellsOf(roundTrips[contestant], figures[contestant]),
      ...(isServed ? servedCells(figures[contestant]) : conflictCells(figures[contestant])),
    ]),
  );
  const isWide = rows.some((row) => row.length > HEAD.length + 1);
  const head = ['', ...HEAD, ...(isWide ? (isServed ? HEAD_OF_SERVED : HEAD_OF_CONFLICTS) : [])];
  return `${name}: ${title}\n${table([head, ...rows])}`;
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

/** @param {Figures | undefined} figures */
function servedCells(figures) {
  if (figures === undefined) return [];
  return [figures.perSecond.toFixed(0), figures.perSecondRatio.toFixed(2)];
}

/** @param {Figures | undefined} figures */
function conflictCells(figures) {
  if (figures === undefined || figures.conflicts === null) return [];
  const { baselineRatio, conflicts } = figures;
  const { retries, most, lost } = conflicts;
  return [baselineRatio?.toFixed(2) ?? '–', retries.toFixed(2), String(most), String(lost)];
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
