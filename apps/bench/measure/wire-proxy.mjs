import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** @typedef {import('node:net').Socket} Socket */

const SIMPLE_QUERY = 'Q'.charCodeAt(0);
const SYNC = 'S'.charCodeAt(0);
const READY_FOR_QUERY = 'Z'.charCodeAt(0);

/**
 * Stands between a client and PostgreSQL, and counts how often a client sends and then waits. What is sent while an answer
 * is still awaited costs no further round trip.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html
 */
export class WireProxy {
  roundTrips = 0;
  #target;
  /** @type {Set<Socket>} */
  #sockets = new Set();
  #server = createServer((client) => this.#serve(client));

  /** @param {URL} target */
  constructor(target) {
    this.#target = target;
  }

  /** @param {string} databaseUrl */
  static async to(databaseUrl) {
    const proxy = new WireProxy(new URL(databaseUrl));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Where clients of the proxy connect to. */
  get url() {
    const url = new URL(this.#target);
    const address = this.#server.address();
    url.host = `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    return url.href;
  }

  async close() {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** @param {Socket} client */
  #serve(client) {
    const server = connect(Number(this.#target.port), this.#target.hostname);
    this.#tie(client, server);
    this.#tie(server, client);
    let unanswered = 0;
    // A client's first message has no type, and the server becomes ready once unasked, after logging in.
    const asked = messageReader({ startsUntyped: true }, (type) => {
      if (type !== SIMPLE_QUERY && type !== SYNC) return;
      if (unanswered++ === 0) this.roundTrips++;
    });
    const answered = messageReader({ startsUntyped: false }, (type) => {
      if (type === READY_FOR_QUERY && unanswered > 0) unanswered--;
    });
    client.on('data', (chunk) => void (asked(chunk), server.write(chunk)));
    server.on('data', (chunk) => void (answered(chunk), client.write(chunk)));
  }

  /**
   * @param {Socket} socket
   * @param {Socket} other
   */
  #tie(socket, other) {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => other.destroy());
    socket.on('close', () => {
      this.#sockets.delete(socket);
      other.destroy();
    });
  }
}

/**
 * Finds where messages begin, however they are cut into chunks.
 *
 * @param {{ startsUntyped: boolean }} stream
 * @param {(type: number | undefined) => void} onMessage
 * @returns {(chunk: Buffer) => void}
 */
function messageReader({ startsUntyped }, onMessage) {
  let pending = Buffer.alloc(0);
  let typeLength = startsUntyped ? 0 : 1;
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= typeLength + 4) {
      const length = typeLength + pending.readInt32BE(typeLength);
      if (pending.length < length) return;
      onMessage(typeLength === 0 ? undefined : pending[0]);
      pending = pending.subarray(length);
      typeLength = 1;
    }
  };
}
