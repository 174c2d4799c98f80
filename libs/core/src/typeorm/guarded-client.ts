import type { PgClient } from './pg-client.js';

/** What a guarded client does in place of sending. */
export interface ClientGuard {
  /** A statement; resolves with pg's result. */
  send(config: unknown, values: unknown): Promise<unknown>;
  /** Something that submits itself (a cursor, a query stream): pg wants it back synchronously. */
  submit(submittable: Submittable): unknown;
  /** The error for who wants to close the connection, which is the transaction's. */
  refuseToEnd(): Error;
}

/** A query object of pg's protocol, such as pg-cursor and pg-query-stream. */
export interface Submittable {
  submit(connection: unknown): void;
  handleError(...args: unknown[]): unknown;
  handleReadyForQuery(...args: unknown[]): unknown;
  /** pg-query-stream's own cursor. */
  readonly cursor?: { readonly text?: string };
  _destroy?(error: Error | null, done: (error: Error | null) => void): void;
  destroy?(error: Error): void;
  close?(): unknown;
}

/** The client as TypeORM and user code see it: all as pg's, but what is sent goes through the guard. */
export function guardClient(client: PgClient, guard: ClientGuard): PgClient {
  const query = (config: unknown, values?: unknown, callback?: unknown): unknown => {
    if (isSubmittable(config)) return guard.submit(config);
    const done = [values, callback].find((argument) => typeof argument === 'function') as
      Callback | undefined;
    const sent = guard.send(config, typeof values === 'function' ? undefined : values);
    if (done === undefined) return sent;
    sent.then((result) => done(null, result), done);
    return undefined;
  };
  const own = {
    query,
    // The pool would give the connection to somebody else in mid-transaction.
    release: () => undefined,
    end: () => Promise.reject(guard.refuseToEnd()),
  };
  return new Proxy(client, {
    get(target, property) {
      if (property in own) return own[property as keyof typeof own];
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

type Callback = (error: unknown, result?: unknown) => void;

function isSubmittable(query: unknown): query is Submittable {
  return typeof (query as Partial<Submittable> | null)?.submit === 'function';
}
