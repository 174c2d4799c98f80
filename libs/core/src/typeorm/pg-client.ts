/** What the library uses of a pg client; wider than `@types/pg`, which leaves the protocol out. */
export interface PgClient {
  query(query: unknown, values?: unknown, callback?: unknown): unknown;
  /** I: idle, T: in a transaction, E: in a failed one; null before the first answer. Absent before pg 8.16. */
  getTransactionStatus?(): 'I' | 'T' | 'E' | null;
  /** The server process that serves the connection. */
  readonly processID: number;
  /** Where and as whom it is connected. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: unknown;
  readonly database: string;
  readonly ssl: unknown;
  /** False once the connection is lost; pg-pool looks at it, too. */
  readonly _queryable?: boolean;
  readonly connection?: { readonly stream: { destroy(error?: Error): void } };
}

/** An answer as pg gives it. */
export interface PgResult {
  readonly command: string;
  readonly rows: readonly Record<string, unknown>[];
}

/** A pool of pg's. */
export interface PgPool {
  readonly options: { readonly max: number };
  readonly totalCount: number;
}

/** The module `pg` as TypeORM's driver has loaded it. */
export interface PgModule {
  readonly Query?: PgQueryClass;
  readonly Client: new (config: unknown) => PgSession;
}

/** A connection of the library's own, outside of any pool. */
export interface PgSession extends PgClient {
  connect(): Promise<unknown>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): void;
}

/** The error of a PostgreSQL server, as opposed to one of the connection: it has a SQLSTATE and a severity. */
export interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
}

/** A pg connection: the wire protocol's messages. */
export interface PgConnection {
  parse(message: { text: string; name: string; types: number[] }): void;
  bind(message: { portal: string; statement: string; values: unknown[] }): void;
  execute(message: { portal: string }): void;
  sync(): void;
}

/** pg's own Query, of which the library makes a subclass. */
export interface PgQuery {
  prepare(connection: PgConnection): void;
  requiresPreparation(): boolean;
  handleRowDescription(message: unknown): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: PgConnection): void;
  handleCopyInResponse(connection: PgConnection): void;
}

export type PgQueryClass = new (
  config: unknown,
  values: unknown,
  callback: (error: Error | null, result?: PgResult) => void,
) => PgQuery;

export function isServerError(error: unknown): error is ServerError {
  return error instanceof Error && 'severity' in error && 'code' in error;
}

/**
 * Whether the server refused a COMMIT, so that everything is rolled back. Connection exceptions (class 08), an operator's
 * intervention (57P0x), the transaction timeout (25P04) and 40003 say nothing about the data.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function isRefusal(error: unknown): error is ServerError {
  return isServerError(error) && !/^(?:08|57P0|25P04|40003)/.test(error.code);
}
