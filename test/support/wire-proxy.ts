import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A message of the client, as PostgreSQL's protocol frames it. */
export interface WireMessage {
  /** e.g. `P`arse, `B`ind, `E`xecute, `S`ync, simple `Q`uery. The first message of a connection has none. */
  readonly type: string;
  readonly text: string;
}

/**
 * Stands between a client and PostgreSQL, and knows what the client says. It can go away and come back.
 *
 * @see https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
export class WireProxy {
  readonly #server: Server = createServer((client) => this.#serve(client));
  readonly #sockets = new Set<Socket>();
  #port = 0;
  sent: WireMessage[] = [];
  /** May change a message (not its length); returning `undefined` cuts the connection in its place. */
  tamper: (message: Buffer) => Buffer | undefined = (message) => message;

  private constructor(private readonly target: URL) {}

  static async to(databaseUrl: string): Promise<WireProxy> {
    const proxy = new WireProxy(new URL(databaseUrl));
    await proxy.start();
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${this.#port}`;
    return url.href;
  }

  /** How often the client waited for an answer. */
  get roundTrips(): number {
    return this.sent.filter(({ type }) => type === 'S' || type === 'Q').length;
  }

  forget(): void {
    this.sent = [];
  }

  async start(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses and drops every connection. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    const server = connect(Number(this.target.port), this.target.hostname);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    server.pipe(client);
    this.#listen(client, server);
  }

  #listen(client: Socket, server: Socket): void {
    let pending = Buffer.alloc(0);
    let isFirst = true;
    client.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const length = lengthOfMessage(pending, isFirst);
        if (length === undefined) return;
        const message = this.tamper(pending.subarray(0, length));
        if (message === undefined) return void client.destroy();
        if (!isFirst) this.sent.push({ type: String.fromCharCode(message[0]!), text: printable(message) });
        isFirst = false;
        server.write(message);
        pending = pending.subarray(length);
      }
    });
  }
}

function lengthOfMessage(bytes: Buffer, isFirst: boolean): number | undefined {
  const start = isFirst ? 0 : 1;
  if (bytes.length < start + 4) return undefined;
  const length = start + bytes.readInt32BE(start);
  return bytes.length < length ? undefined : length;
}

function printable(message: Buffer): string {
  return message
    .toString('latin1', 5)
    .replaceAll(/[^\x20-\x7e\n]+/g, ' ')
    .trim();
}
