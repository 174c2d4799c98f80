import type { PgConnection, PgQuery, PgQueryClass, PgResult } from './pg-client.js';

export type BegunCallback = (error: Error | null, result: PgResult | undefined, hasBegun: boolean) => void;

/** A query whose BEGIN travels in the same round trip. */
export type MergedBeginClass = new (
  begin: string,
  config: unknown,
  values: unknown,
  callback: BegunCallback,
) => PgQuery;

/**
 * Makes the query class that sends BEGIN and the first statement under a single Sync: when BEGIN fails, the server skips
 * the statement. (pg's own pipelining has a Sync for each, so a statement behind a failed BEGIN would autocommit.)
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
 */
export function mergedBeginClass(Query: PgQueryClass): MergedBeginClass {
  return class MergedBegin extends Query {
    readonly #begin: string;
    /** False until the server has completed BEGIN; what arrives before that is not the statement's. */
    #hasBegun = false;
    /** pg found the statement's values unsendable; BEGIN is on the wire all the same. */
    #isPreparing = false;

    constructor(begin: string, config: unknown, values: unknown, callback: BegunCallback) {
      super(config, values, (error, result) => callback(error, result, this.#hasBegun || this.#isPreparing));
      this.#begin = begin;
      // Without parameters the statement may hold several; only the simple protocol takes those.
      if (!this.requiresPreparation()) this.text = `${begin};${this.text}`;
    }

    override prepare(connection: PgConnection): void {
      connection.parse({ text: this.#begin, name: '', types: [] });
      connection.bind({ portal: '', statement: '', values: [] });
      connection.execute({ portal: '' });
      this.#isPreparing = true;
      super.prepare(connection);
      this.#isPreparing = false;
    }

    override handleCommandComplete(message: unknown, connection: PgConnection): void {
      if (this.#hasBegun) super.handleCommandComplete(message, connection);
      this.#hasBegun = true;
    }

    override handleError(error: Error, connection: PgConnection): void {
      const { position } = error as { position?: string };
      const offset = this.text.startsWith(`${this.#begin};`) ? this.#begin.length + 1 : 0;
      if (position !== undefined && offset > 0)
        Object.assign(error, { position: String(Number(position) - offset) });
      super.handleError(error, connection);
    }
  };
}
