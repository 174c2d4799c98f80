const LINE_EVERY_MS = 5_000;

/**
 * Shows how far a long run is: on a terminal in one line that changes, elsewhere in a line every few seconds.
 *
 * @param {NodeJS.WriteStream} [output]
 */
export function showProgress(output = process.stderr) {
  const startedAt = Date.now();
  let toldAt = -Infinity;
  return {
    /**
     * @param {string} what
     * @param {number} share between 0 and 1
     */
    tell(what, share) {
      const line = `${String(Math.floor(share * 100)).padStart(3)} %  ${clock(Date.now() - startedAt)}  ${what}`;
      if (output.isTTY) return void output.write(`\r\x1b[K${line.slice(0, (output.columns || 80) - 1)}`);
      if (Date.now() - toldAt < LINE_EVERY_MS) return;
      toldAt = Date.now();
      output.write(`${line}\n`);
    },
    stop() {
      if (output.isTTY) output.write('\r\x1b[K');
    },
  };
}

/** @param {number} ms */
function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
