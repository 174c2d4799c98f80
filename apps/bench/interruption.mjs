const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** Thrown when the user does not want to wait for the end. */
export class Interruption extends Error {}

/**
 * Has something done at the end, last deferred first, also when the end comes early.
 *
 * @typedef {(close: () => unknown) => void} Defer
 */

/**
 * Runs `work` until it ends or a signal comes; either way everything deferred is done before this settles.
 *
 * @template T
 * @param {(defer: Defer) => Promise<T>} work
 * @throws {Interruption}
 */
export async function interruptible(work) {
  /** @type {(() => unknown)[]} */
  const deferred = [];
  try {
    return await Promise.race([work((close) => deferred.push(close)), interruption()]);
  } finally {
    for (const close of deferred.toReversed()) await close();
  }
}

/** @returns {Promise<never>} */
function interruption() {
  return new Promise((_, reject) => {
    for (const signal of SIGNALS) process.on(signal, () => reject(new Interruption(`Stopped by ${signal}.`)));
  });
}
