const LONGEST_FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/**
 * What is written around a transaction by hand, so that it is tried again after a conflict: a loop with pauses that grow
 * and are drawn by chance.
 *
 * @param {() => Promise<unknown>} work
 * @param {(error: unknown) => boolean} isConflict
 * @returns {Promise<number>} how often it was tried again
 */
export async function retrying(work, isConflict) {
  for (let retries = 0; ; retries++) {
    try {
      await work();
      return retries;
    } catch (error) {
      if (!isConflict(error)) throw error;
      const longestMs = Math.min(LONGEST_PAUSE_MS, LONGEST_FIRST_PAUSE_MS * 2 ** retries);
      await new Promise((resume) => setTimeout(resume, Math.random() * longestMs));
    }
  }
}

/** Thrown where the row is not the one that was read. */
export class Conflict extends Error {}

/** @param {unknown} error */
export function isConflict(error) {
  return error instanceof Conflict || (error instanceof Error && Reflect.get(error, 'code') === '40001');
}
