import { median } from '../measure/statistics.mjs';

/** @typedef {Pick<import('./result.mjs').WorkloadResult, 'name' | 'lines'>} WorkloadResult */
/** @typedef {import('./result.mjs').LineResult} LineResult */

/**
 * How much a way gets done, as shares of what row locks get done where nobody meets.
 *
 * @typedef {{ label: string, calm: number, hot: number }} Throughput
 */

const WIDTH = 720;
const LEFT = 120;
const BAR = 18;
const GROUP = 58;
const TOP = 64;
const SERIES = /** @type {const} */ ([
  { key: 'calm', colour: '#2f6fab', title: 'each caller has rows of its own' },
  { key: 'hot', colour: '#d9822b', title: 'all callers want one row' },
]);

/**
 * Of the contestant `ours`, made round by round like all ratios.
 *
 * @param {readonly WorkloadResult[]} results with `own-row` and `hot-row`
 * @returns {Throughput[]}
 */
export function throughputs(results) {
  const [calm, hot] = ['own-row', 'hot-row'].map((name) => linesOf(results, name));
  const reference = roundsOf(calm?.find(({ label }) => label === 'row lock'));
  const share = (/** @type {LineResult | undefined} */ line) =>
    median(roundsOf(line).map((us, round) => (reference[round] ?? Number.NaN) / us));
  return (calm ?? []).map((line) => ({
    label: line.label,
    calm: share(line),
    hot: share(hot?.find(({ label }) => label === line.label)),
  }));
}

/**
 * @param {readonly WorkloadResult[]} results
 * @param {string} wanted
 */
function linesOf(results, wanted) {
  const found = results.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`The results are without the workload '${wanted}'.`);
  return found.lines;
}

/** @param {LineResult | undefined} line */
function roundsOf(line) {
  return line?.figures.ours?.roundsUs ?? [];
}

/**
 * @param {readonly Throughput[]} all
 * @returns {string} an SVG
 */
export function chartOf(all) {
  const longest = Math.max(...all.flatMap(({ calm, hot }) => [calm, hot]));
  const perShare = (WIDTH - LEFT - 80) / longest;
  const height = TOP + all.length * GROUP + 8;
  const body = all.flatMap(({ label, ...shares }, index) => {
    const y = TOP + index * GROUP;
    return [
      text(LEFT - 12, y + BAR + 5, label, 'text-anchor="end"'),
      ...SERIES.map(({ key, colour }, row) => bar(y + row * (BAR + 2), shares[key] * perShare, colour)),
      ...SERIES.map(({ key }, row) =>
        text(LEFT + shares[key] * perShare + 8, y + row * (BAR + 2) + 14, percent(shares[key])),
      ),
    ];
  });
  const legend = SERIES.flatMap(({ colour, title }, index) => {
    const x = LEFT + index * 260;
    return [`<rect x="${x}" y="34" width="12" height="12" fill="${colour}"/>`, text(x + 20, 45, title)];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="#1f2328">`,
    `<rect width="100%" height="100%" rx="6" fill="#ffffff"/>`,
    text(LEFT, 22, 'Increments per second, relative to row locks on rows of one’s own', 'font-weight="600"'),
    ...legend,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

/**
 * To the nearest 5 %: the next run differs by more than one.
 *
 * @param {number} share
 */
function percent(share) {
  return `${Math.round(share * 20) * 5} %`;
}

/**
 * @param {number} y
 * @param {number} width
 * @param {string} colour
 */
function bar(y, width, colour) {
  return `<rect x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2" fill="${colour}"/>`;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} words
 * @param {string} [attributes]
 */
function text(x, y, words, attributes = '') {
  return `<text x="${x.toFixed(1)}" y="${y}"${attributes && ` ${attributes}`}>${words}</text>`;
}
