import { describe } from './describe.mjs';

const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
const TOTAL_MS = 15_000;
const STEP_MS = 7_000;
// On Ctrl-C the terminal signals us, and npm passes the same one on a moment later: that is still one wish.
const SAME_WISH_MS = 500;

/** Closes what was opened, last opened first, once: because it was asked for, or because something failed. */
export class Shutdown {
  #controller = new AbortController();
  #askedAt = 0;
  #isClean = true;
  /** @type {{ what: string, close: () => Promise<unknown> }[]} */
  #opened = [];

  constructor() {
    for (const signal of SIGNALS) process.on(signal, () => this.#ask());
    process.on('uncaughtException', (error) => this.fail(`The shop stopped: ${describe(error)}`, error));
    // A closed terminal takes no more output; that is no reason to skip the rest.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    /** Resolves when it is time to close. */
    this.requested = new Promise((resolve) => this.signal.addEventListener('abort', resolve));
  }

  get signal() {
    return this.#controller.signal;
  }

  /**
   * @param {string} what
   * @param {() => Promise<unknown>} close
   */
  defer(what, close) {
    this.#opened.push({ what, close });
  }

  /**
   * @template T
   * @param {Promise<T>} work
   * @returns {Promise<T>} rejects as soon as closing is asked for, though the work may go on
   */
  async orAbort(work) {
    work.catch(() => undefined);
    await Promise.race([work, this.requested]);
    this.signal.throwIfAborted();
    return work;
  }

  /**
   * @param {string} message
   * @param {unknown} error whose stack is shown on request
   */
  fail(message, error) {
    this.#isClean = false;
    console.error(message);
    if (process.env.SHOP_DEBUG) console.error(error);
    this.#begin();
  }

  /** @returns {Promise<boolean>} whether all went well */
  async close() {
    for (const { what, close } of this.#opened.toReversed()) {
      try {
        await within(STEP_MS, close());
      } catch (error) {
        this.#isClean = false;
        console.error(`Could not close ${what}: ${describe(error)}`);
      }
    }
    return this.#isClean;
  }

  #ask() {
    const now = Date.now();
    if (this.#askedAt > 0 && now - this.#askedAt > SAME_WISH_MS) process.exit(1);
    this.#askedAt ||= now;
    if (this.signal.aborted) return;
    console.log('Stopping …');
    this.#begin();
  }

  #begin() {
    setTimeout(() => process.exit(1), TOTAL_MS).unref();
    this.#controller.abort();
  }
}

/**
 * @param {number} limitMs
 * @param {Promise<unknown>} work
 */
function within(limitMs, work) {
  const { promise, reject } = withRejection();
  const timer = setTimeout(() => reject(new Error(`it takes more than ${limitMs / 1000} s`)), limitMs);
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

function withRejection() {
  /** @type {(error: Error) => void} */
  let reject = () => undefined;
  /** @type {Promise<never>} */
  const promise = new Promise((_, rejectIt) => (reject = rejectIt));
  return { promise, reject };
}
