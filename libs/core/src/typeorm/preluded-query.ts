import type { PgConnection, PgQuery, PgQueryClass, PgResult } from './pg-client.js';

/** What came back of a query and of the statements before it. */
export interface PreludedAnswer {
  readonly error: Error | null;
  readonly result: PgResult | undefined;
  /** Whether the server has taken the first prelude; so it has when pg itself found the query's values unsendable. */
  readonly hasBegun: boolean;
  /** The first column of each row that a prelude returned. */
  readonly values: readonly string[];
}

/** A query before which other statements (BEGIN, SAVEPOINT, SET LOCAL) travel in the same round trip. */
export type PreludedQueryClass = new (
  preludes: readonly string[],
  query: { readonly config: unknown; readonly values: unknown },
  callback: (answer: PreludedAnswer) => void,
) => PgQuery;

/**
 * Makes the query class that sends several statements under a single Sync: when one fails, the server skips the rest.
 * (pg's own pipelining has a Sync for each, so a statement behind a failed BEGIN would autocommit.)
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export function preludedQueryClass(Query: PgQueryClass): PreludedQueryClass {
  return class PreludedQuery extends Query {
    readonly #preludes: readonly string[];
    readonly #values: string[] = [];
    #completed = 0;
    #isSubmitting = false;

    constructor(
      preludes: readonly string[],
      query: { readonly config: unknown; readonly values: unknown },
      callback: (answer: PreludedAnswer) => void,
    ) {
      super(query.config, query.values, (error, result) =>
        callback({
          error,
          result,
          hasBegun: this.#completed > 0 || this.#isSubmitting,
          values: this.#values,
        }),
      );
      this.#preludes = preludes;
    }

    /** Also without parameters: in the simple protocol a syntax error would keep the preludes from being executed. */
    override requiresPreparation(): boolean {
      return true;
    }

    override prepare(connection: PgConnection): void {
      for (const text of this.#preludes) {
        connection.parse({ text, name: '', types: [] });
        connection.bind({ portal: '', statement: '', values: [] });
        connection.execute({ portal: '' });
      }
      this.#isSubmitting = true;
      super.prepare(connection);
      this.#isSubmitting = false;
    }

    override handleRowDescription(message: unknown): void {
      if (!this.#isPrelude) super.handleRowDescription(message);
    }

    override handleDataRow(message: unknown): void {
      if (this.#isPrelude) this.#values.push(String((message as { fields: unknown[] }).fields[0]));
      else super.handleDataRow(message);
    }

    override handleCommandComplete(message: unknown, connection: PgConnection): void {
      if (!this.#isPrelude) super.handleCommandComplete(message, connection);
      else this.#completed++;
    }

    /** In copy-in mode the server ignores the Sync that was sent already, and would wait for another one for ever. */
    override handleCopyInResponse(connection: PgConnection): void {
      super.handleCopyInResponse(connection);
      connection.sync();
    }

    get #isPrelude(): boolean {
      return this.#completed < this.#preludes.length;
    }
  };
}
