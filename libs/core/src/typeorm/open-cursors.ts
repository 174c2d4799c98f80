import type { Submittable } from './guarded-client.js';

/** The cursors and query streams that are read on a transaction's connection. */
export class OpenCursors {
  readonly #open = new Set<Submittable>();
  /** Closes what waits for an answer of the server to be closed. */
  readonly #closing = new Set<() => void>();
  #isConnectionLost = false;

  /** @param onEnd - called once, when it leaves the wire, with the server's error if there was one */
  add(cursor: Submittable, onEnd: (error?: unknown) => void): void {
    this.#open.add(cursor);
    for (const method of ['handleError', 'handleReadyForQuery'] as const) {
      const plain = cursor[method].bind(cursor);
      cursor[method] = (...args) => {
        if (this.#open.delete(cursor)) onEnd(method === 'handleError' ? args[0] : undefined);
        return plain(...args);
      };
    }
    this.#closeWithConnection(cursor);
  }

  /** Ends the reading; who reads gets what `refusal` makes. */
  close(refusal: () => Error): void {
    for (const cursor of this.#open) {
      if (cursor.destroy === undefined) cursor.close?.();
      else cursor.destroy(refusal());
    }
  }

  connectionLost(): void {
    this.#isConnectionLost = true;
    for (const close of this.#closing) close();
  }

  /**
   * pg-query-stream waits, when it is destroyed, for the server to be ready. On a lost connection that would be for ever,
   * and whoever reads the stream would wait with it.
   */
  #closeWithConnection(cursor: Submittable): void {
    const plain = cursor._destroy?.bind(cursor);
    if (plain === undefined) return;
    cursor._destroy = (error, done) => {
      if (this.#isConnectionLost) return done(error);
      const close = (): void => {
        if (this.#closing.delete(close)) done(error);
      };
      this.#closing.add(close);
      plain(error, close);
    };
  }
}
