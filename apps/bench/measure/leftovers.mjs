import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** @typedef {import('node:events').EventEmitter} EventEmitter */

setFlagsFromString('--expose-gc');
/** @type {() => void} */
const collectGarbage = runInNewContext('gc');

/**
 * What lies around in the process at one moment.
 *
 * @typedef {{ heapBytes: number, listeners: number, timers: number, sessions: number }} Leftovers
 */

/**
 * @param {import('pg').Pool} pool of the contestant, idle
 * @param {{ timers: number }} watch
 * @returns {Promise<Leftovers>}
 */
export async function leftoversNow(pool, { timers }) {
  // What the last transactions still have to say is said in the next turns of the event loop.
  for (let turn = 0; turn < 3; turn++) await new Promise((resume) => setImmediate(resume));
  for (let pass = 0; pass < 3; pass++) collectGarbage();
  return {
    heapBytes: process.memoryUsage().heapUsed,
    listeners: listenersOf([process, pool, ...clientsOf(pool)]),
    timers,
    sessions: pool.totalCount - pool.idleCount + pool.waitingCount,
  };
}

/** Counts the timers that are set and not yet over. Node itself lists only those that keep the process alive. */
export function watchTimers() {
  const plain = { setTimeout, setInterval, clearTimeout, clearInterval };
  /** @type {Set<unknown>} */
  const running = new Set();
  const clear = (/** @type {NodeJS.Timeout} */ timer) => {
    running.delete(timer);
    plain.clearTimeout(timer);
  };
  const set = (/** @type {() => void} */ alarm, /** @type {number} */ ms) => {
    const timer = plain.setTimeout(() => {
      running.delete(timer);
      alarm();
    }, ms);
    running.add(timer);
    return timer;
  };
  const repeat = (/** @type {() => void} */ alarm, /** @type {number} */ ms) => {
    const timer = plain.setInterval(alarm, ms);
    running.add(timer);
    return timer;
  };
  const watched = { setTimeout: set, setInterval: repeat, clearTimeout: clear, clearInterval: clear };
  Object.assign(globalThis, watched);
  return {
    get timers() {
      return running.size;
    },
    stop: () => void Object.assign(globalThis, plain),
  };
}

/** @param {readonly EventEmitter[]} emitters */
function listenersOf(emitters) {
  let count = 0;
  for (const emitter of emitters) {
    for (const name of emitter.eventNames()) count += emitter.listenerCount(name);
  }
  return count;
}

/**
 * @param {import('pg').Pool} pool
 * @returns {readonly EventEmitter[]}
 */
function clientsOf(pool) {
  return Reflect.get(pool, '_clients');
}
