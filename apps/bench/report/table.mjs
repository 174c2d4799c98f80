/**
 * Columns as wide as their widest cell; the first one to the left, numbers to the right.
 *
 * @param {readonly (readonly string[])[]} rows the first one is the head
 * @returns {string}
 */
export function table(rows) {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (/** @type {readonly string[]} */ row) =>
    widths
      .map((width, column) =>
        column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd();
  return rows.map((row) => `  ${line(row)}`).join('\n');
}

/** @param {number | null} us microseconds */
export function duration(us) {
  if (us === null || Number.isNaN(us)) return '–';
  const size = Math.abs(us);
  if (size < 1) return `${(us * 1000).toFixed(0)} ns`;
  if (size < 100) return `${us.toFixed(size < 10 ? 2 : 1)} µs`;
  return size < 1000 ? `${us.toFixed(0)} µs` : `${(us / 1000).toFixed(2)} ms`;
}

/** @param {number | undefined} trips */
export function count(trips) {
  if (trips === undefined) return '–';
  return Number.isInteger(trips) ? String(trips) : trips.toFixed(1);
}

/** @param {number} bytes */
export function kilobytes(bytes) {
  return `${(bytes / 1024).toFixed(0)} kB`;
}
