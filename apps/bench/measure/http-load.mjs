import autocannon from 'autocannon';

/** @typedef {import('autocannon').Client} Client */
/** @typedef {import('autocannon').Request} Request */
/** @typedef {Pick<import('../product-server.mjs').ProductServer, 'origin' | 'cpuMs'>} ProductServer */
/** @typedef {import('../workloads/workload.mjs').Sample} Sample */

/**
 * What one connection sends again and again, each time once the answer before has come.
 *
 * @typedef {{ request: Request, status: number }} Exchange `status`: of every answer
 */

/** How long the end may take beyond the time that was asked for. */
const PATIENCE_MS = 10_000;
/** It looks every 5 ms whether all is done, and gives up with the first request that is not answered. */
const VIGILANCE = { sampleInt: 5, timeout: PATIENCE_MS / 1000, bailout: 1 };

/**
 * Sends requests for about `ms`, and resolves once all are answered: what was committed can be counted.
 *
 * @param {number} ms
 * @param {ProductServer} server
 * @param {readonly Exchange[]} exchanges one for each connection
 * @returns {Promise<Sample>}
 */
export async function requestFor(ms, server, exchanges) {
  const url = await server.origin();
  const cpuBeforeMs = await server.cpuMs();
  const { elapsedMs, latenciesMs } = await send(ms, url, exchanges);
  const cpuMs = (await server.cpuMs()) - cpuBeforeMs;
  return { units: latenciesMs.length, elapsedMs, cpuMs, latenciesMs, calls: latenciesMs.length };
}

/**
 * Sends one request, without any hurry.
 *
 * @param {string} origin
 * @param {Exchange} exchange
 */
export async function requestOnce(origin, { request, status }) {
  const { setupRequest, onResponse } = request;
  const { method, path, headers, body } =
    typeof setupRequest === 'function' ? setupRequest(request, {}) : request;
  const init = /** @type {RequestInit} */ ({ method, headers, body });
  const response = await fetch(new URL(path ?? '/', origin), init);
  const text = await response.text();
  if (response.status !== status) throw new Error(`a request was answered with ${response.status}: ${text}`);
  if (typeof onResponse === 'function') onResponse(status, text, {}, Object.fromEntries(response.headers));
}

/**
 * @param {number} ms
 * @param {string} url
 * @param {readonly Exchange[]} exchanges
 */
async function send(ms, url, exchanges) {
  const watch = new Watch(ms, exchanges);
  const duration = (ms + PATIENCE_MS) / 1000;
  const setupClient = (/** @type {Client} */ client) => watch.add(client);
  const errors = await fire({ url, duration, connections: exchanges.length, setupClient }, watch);
  if (watch.failure) throw new Error(watch.failure);
  if (errors > 0) throw new Error(`${errors} requests were not answered`);
  return watch;
}

/** Keeps an eye on all connections: on their time, and on what they are answered. */
class Watch {
  /** @type {number[]} */
  latenciesMs = [];
  elapsedMs = 0;
  /** @type {string | undefined} */
  failure;
  /** @type {Map<Client, { status: number, isWaiting: boolean }>} */
  #connections = new Map();
  #startedAt = performance.now();
  #ms;
  #exchanges;

  /**
   * @param {number} ms
   * @param {readonly Exchange[]} exchanges
   */
  constructor(ms, exchanges) {
    this.#ms = ms;
    this.#exchanges = exchanges;
  }

  /** @param {Client} client */
  add(client) {
    const { request, status } = this.#exchanges[this.#connections.size] ?? NOTHING;
    const connection = { status, isWaiting: false };
    this.#connections.set(client, connection);
    client.setRequests([request]);
    /** @type {NodeJS.EventEmitter} */ (client).on('request', () => {
      // It connects again by itself, and would not tell.
      if (connection.isWaiting) this.#fail(client, 'a connection was lost before its request was answered');
      connection.isWaiting = true;
    });
  }

  /**
   * @param {Client} client
   * @param {number} status
   * @param {number} latencyMs
   */
  noteAnswer(client, status, latencyMs) {
    this.elapsedMs = performance.now() - this.#startedAt;
    this.latenciesMs.push(latencyMs);
    const connection = this.#connections.get(client);
    if (connection) connection.isWaiting = false;
    if (connection?.status !== status) this.#fail(client, `a request was answered with ${status}`);
    if (this.elapsedMs >= this.#ms || this.failure) endAfterAnswer(client);
  }

  /**
   * @param {Client} client
   * @param {string} failure
   */
  #fail(client, failure) {
    this.failure ??= failure;
    endAfterAnswer(client);
  }
}

/** @type {Exchange} */
const NOTHING = { request: {}, status: 200 };

/**
 * @param {import('autocannon').Options} load
 * @param {Watch} watch
 * @returns {Promise<number>} how many requests got no answer
 */
function fire(load, watch) {
  return new Promise((resolve, reject) => {
    autocannon({ ...load, ...VIGILANCE }, (error, { errors }) => {
      if (error) reject(error);
      else resolve(errors);
    }).on('response', (client, status, _, latencyMs) => watch.noteAnswer(client, status, latencyMs));
  });
}

/**
 * The tool's own end would cut off requests that are under way, and may be committed nevertheless. A connection that has sent
 * as many requests as it may sends no other one.
 *
 * @param {Client} client
 */
function endAfterAnswer(client) {
  Reflect.set(client, 'responseMax', 1);
}
