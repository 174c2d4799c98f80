import { once } from 'node:events';
import { WebSocket } from 'ws';
import { Inbox } from './inbox.js';

export interface Frame<T = unknown> {
  readonly event: string;
  readonly data: T;
}

/** The other end of a gateway's socket. */
export class Peer {
  readonly #received = new Inbox<Frame>();

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => this.#received.put(JSON.parse(data.toString()) as Frame));
  }

  static async connect(port: number): Promise<Peer> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    await once(socket, 'open');
    return new Peer(socket);
  }

  send(event: string, data: unknown): void {
    this.socket.send(JSON.stringify({ event, data }));
  }

  /** What the gateway sends next. */
  next(): Promise<Frame> {
    return this.#received.take();
  }

  /** The data of so many frames. */
  async nextFew<T>(count: number): Promise<T[]> {
    return (await this.#received.takeFew(count)).map(({ data }) => data as T);
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.close();
    await once(this.socket, 'close');
  }
}
