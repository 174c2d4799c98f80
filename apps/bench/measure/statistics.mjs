/**
 * @param {readonly number[]} values
 * @returns {number} NaN when there are none
 */
export function median(values) {
  return percentile(values, 50);
}

/**
 * The value that `percent` of all values do not exceed, linear between the two nearest.
 *
 * @param {readonly number[]} values
 * @param {number} percent 0 to 100
 * @returns {number} NaN when there are none
 */
export function percentile(values, percent) {
  const sorted = values.toSorted((a, b) => a - b);
  const position = ((sorted.length - 1) * percent) / 100;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position % 1);
}
