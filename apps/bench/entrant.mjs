import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { committedIn } from './database/tables.mjs';
import { NO_EFFECT } from './workloads/workload.mjs';

/** @typedef {import('./contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {import('./workloads/workload.mjs').Effect} Effect */
/** @typedef {import('./worker.mjs').Services} Services */

/**
 * What a service of the worker resolves with.
 *
 * @template {keyof Services} Name
 * @typedef {NonNullable<Awaited<ReturnType<Services[Name]>>>} Answer
 */

/** A contestant in its own process, on its own database, and what it says that it has done there. */
export class Entrant {
  /** @type {Effect} */
  #reported = { ...NO_EFFECT };
  #worker;
  #ended;
  #url;

  /**
   * @param {ContestantName} name
   * @param {string} url of a database with the tables in it
   */
  constructor(name, url) {
    this.name = name;
    this.#url = url;
    this.#worker = fork(join(import.meta.dirname, 'worker.mjs'), [name, url]);
    this.#ended = once(this.#worker, 'exit').then(() => [{ error: 'its process has ended' }]);
  }

  /**
   * Has the worker do something; it does one thing at a time.
   *
   * @template {keyof Services} Name
   * @param {Name} method
   * @param {Parameters<Services[Name]>} args
   * @returns {Promise<Answer<Name>>}
   */
  async ask(method, ...args) {
    this.#worker.send({ method, args });
    const [answer] = await Promise.race([once(this.#worker, 'message'), this.#ended]);
    if ('error' in answer) throw new Error(`${this.name}: ${answer.error}`);
    return answer.result;
  }

  /**
   * Notes that so many calls have resolved.
   *
   * @param {number} calls
   * @param {Effect} effect of each
   */
  report(calls, effect) {
    this.#reported.counted += calls * effect.counted;
    this.#reported.balance += calls * effect.balance;
    this.#reported.versions += calls * effect.versions;
    this.#reported.patches += calls * effect.patches;
  }

  /** Compares what was reported with what is in the database. */
  async check() {
    const reported = this.#reported;
    const committed = await committedIn(this.#url);
    const isExact =
      committed.counted === reported.counted &&
      committed.balance === reported.balance &&
      committed.versions === reported.versions &&
      committed.patches === reported.patches;
    return { contestant: this.name, isExact, reported, committed };
  }

  /** Ends the process, whatever it does. */
  dismiss() {
    this.#worker.kill('SIGKILL');
  }
}
