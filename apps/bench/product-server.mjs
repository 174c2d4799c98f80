import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** @typedef {import('./contestants/contestant.mjs').Target} Target */
/** @typedef {import('./server.mjs').Message} Message */
/** @typedef {{ child: import('node:child_process').ChildProcess, ended: Promise<unknown> }} Server */

/** The HTTP server of a contestant, in a process of its own. It starts when it is needed. */
export class ProductServer {
  #name;
  #target;
  /** @type {Server | undefined} */
  #server;
  /** @type {Promise<string> | undefined} */
  #origin;

  /**
   * @param {string} name of the contestant
   * @param {Target} target
   */
  constructor(name, target) {
    this.#name = name;
    this.#target = target;
  }

  /** Where it listens. */
  origin() {
    this.#origin ??= this.#start();
    return this.#origin;
  }

  /** The processor time that it has used until now, system time included. */
  async cpuMs() {
    await this.origin();
    this.#server?.child.send('cpu');
    const message = await this.#message();
    return 'cpuMs' in message ? message.cpuMs : Number.NaN;
  }

  /** Ends the process, whatever it does. */
  async stop() {
    this.#server?.child.kill('SIGKILL');
    await this.#server?.ended;
  }

  async #start() {
    const { url, poolSize } = this.#target;
    const child = fork(join(import.meta.dirname, 'server.mjs'), [this.#name, url, String(poolSize)]);
    this.#server = { child, ended: once(child, 'exit') };
    const message = await this.#message();
    return 'origin' in message ? message.origin : '';
  }

  /** @returns {Promise<Exclude<Message, { error: string }>>} */
  async #message() {
    const { child, ended } = /** @type {Server} */ (this.#server);
    const lost = ended.then(() => [{ error: 'its process has ended' }]);
    const [message] = await Promise.race([once(child, 'message'), lost]);
    if ('error' in message) throw new Error(`HTTP server: ${message.error}`);
    return message;
  }
}
