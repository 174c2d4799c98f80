import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { gate, type Gate } from './gate.js';

/** What happens to a connection when a chosen message of its client arrives. */
export type Fault =
  /** Both ends are cut; the server never sees the message. */
  | 'cut'
  /** The server gets the message; when its answer comes, both ends are cut in its place. */
  | 'cut-answer'
  /** Nothing passes any more in either direction, and nobody is told. */
  | 'black-hole'
  /** The server gets the message; after that, as `black-hole`. */
  | 'black-hole-answer';

interface Strike {
  readonly text: string;
  readonly fault: Fault;
  readonly struck: Gate;
}

/** Stands between clients and PostgreSQL, and fails at the message that a test chooses. */
export class FaultProxy {
  readonly #server: Server = createServer({ allowHalfOpen: false }, (client) => this.#serve(client));
  readonly #links = new Set<Link>();
  #strikes: Strike[] = [];
  /** Whether connections that come now are black holes from the start. */
  #isBlack = false;
  /** Whether the server's messages arrive one by one, each in a turn of its own, as on a bad network. */
  dribbles = false;

  private constructor(private target: URL) {}

  static async to(databaseUrl: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(databaseUrl));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const url = new URL(this.target);
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return url.href;
  }

  /** Where connections that come from now on go to. */
  retarget(databaseUrl: string): void {
    this.target = new URL(databaseUrl);
  }

  /** Strikes once, at the next message that contains `text`; the promise resolves when it did. */
  strike(text: string, fault: Fault): Promise<void> {
    const struck = gate();
    this.#strikes.push({ text, fault, struck });
    return struck.opened;
  }

  /** From now on nothing passes: neither on the connections that exist nor on new ones. */
  goBlack(): void {
    this.#isBlack = true;
    for (const link of this.#links) link.isBlack = true;
  }

  /** No more faults; what is black already is cut. */
  heal(): void {
    this.#isBlack = false;
    this.#strikes = [];
    for (const link of this.#links) if (link.isBlack) link.cut();
  }

  async close(): Promise<void> {
    for (const link of this.#links) link.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket): void {
    const link = new Link(client, connect(Number(this.target.port), this.target.hostname), {
      faultAt: (message) => this.#faultAt(message),
      dribbles: () => this.dribbles,
    });
    link.isBlack = this.#isBlack;
    this.#links.add(link);
    client.once('close', () => {
      // As a network would: nobody tells the server that the client of a black hole is gone.
      if (!link.isBlack) this.#links.delete(link);
    });
  }

  #faultAt(message: Buffer): Fault | undefined {
    const index = this.#strikes.findIndex(({ text }) => message.includes(text));
    if (index < 0) return undefined;
    const [{ fault, struck }] = this.#strikes.splice(index, 1) as [Strike];
    struck.open();
    return fault;
  }
}

/** One client and its connection to the server. */
class Link {
  isBlack = false;
  #cutsAtAnswer = false;
  #pending = Buffer.alloc(0);
  #isFirst = true;
  /** What the server said and the client has not been given yet. */
  #answers = Buffer.alloc(0);

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly faults: {
      readonly faultAt: (message: Buffer) => Fault | undefined;
      readonly dribbles: () => boolean;
    },
  ) {
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (!this.isBlack) other.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    server.on('data', (chunk: Buffer) => this.#fromServer(chunk));
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  #fromServer(chunk: Buffer): void {
    if (this.#cutsAtAnswer) return this.cut();
    if (this.isBlack) return;
    const isDribbling = this.#answers.length > 0;
    this.#answers = Buffer.concat([this.#answers, chunk]);
    if (isDribbling) return;
    if (this.faults.dribbles()) setImmediate(() => this.#dribble());
    else this.#give(this.#answers.length);
  }

  #dribble(): void {
    this.#give(lengthOfMessage(this.#answers, { isFirst: false }) ?? this.#answers.length);
    if (this.#answers.length > 0) setImmediate(() => this.#dribble());
  }

  #give(length: number): void {
    if (!this.isBlack) this.client.write(this.#answers.subarray(0, length));
    this.#answers = this.#answers.subarray(length);
  }

  #fromClient(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    for (;;) {
      const length = lengthOfMessage(this.#pending, { isFirst: this.#isFirst });
      if (length === undefined) return;
      const message = this.#pending.subarray(0, length);
      this.#pending = this.#pending.subarray(length);
      this.#isFirst = false;
      this.#pass(message);
    }
  }

  #pass(message: Buffer): void {
    const fault = this.isBlack ? undefined : this.faults.faultAt(message);
    if (fault === 'cut') return this.cut();
    if (fault === 'black-hole') this.isBlack = true;
    if (!this.isBlack) this.server.write(message);
    if (fault === 'cut-answer') this.#cutsAtAnswer = true;
    if (fault === 'black-hole-answer') this.isBlack = true;
  }
}

/** The first message of a client has no type; `undefined` when it is not complete. */
function lengthOfMessage(bytes: Buffer, { isFirst }: { isFirst: boolean }): number | undefined {
  const start = isFirst ? 0 : 1;
  if (bytes.length < start + 4) return undefined;
  const length = start + bytes.readInt32BE(start);
  return bytes.length < length ? undefined : length;
}
