import type { PgClient, PgModule } from './pg-client.js';

/** How long a question to the server may take that is asked beside a transaction, in milliseconds. */
const PATIENCE_MS = 2000;

const BLOCKERS = `
  WITH RECURSIVE blocker (pid) AS (
    SELECT unnest(pg_blocking_pids($1))
    UNION
    SELECT unnest(pg_blocking_pids(pid)) FROM blocker
  )
  SELECT pid FROM blocker`;

type Rows = readonly Readonly<Record<string, unknown>>[];

/**
 * Asks the server of a connection something about that connection, which is busy or lost, on another one of its own: at
 * such a moment the pool may have nothing to give. It is the same server, also where there are replicas.
 */
export class SideSession {
  constructor(private readonly pg: Pick<PgModule, 'Client'>) {}

  /** Cancels what the server is executing for `client`. */
  async cancel(client: PgClient): Promise<void> {
    await this.#ask(client, 'SELECT pg_cancel_backend($1)', [client.processID]);
  }

  /** The server processes that `client` waits for: those that block it, those that block them, and so on. */
  async blockersOf(client: PgClient): Promise<readonly number[]> {
    const rows = await this.#ask(client, BLOCKERS, [client.processID]);
    return rows.map(({ pid }) => pid as number);
  }

  /**
   * What became of the transaction `xid`; `null` when it is too old to be known.
   *
   * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
   */
  async statusOf(client: PgClient, xid: string): Promise<'committed' | 'aborted' | 'in progress' | null> {
    const [row] = await this.#ask(client, 'SELECT pg_xact_status($1::xid8) AS status', [xid]);
    return row?.['status'] as 'committed' | 'aborted' | 'in progress' | null;
  }

  async #ask(
    { host, port, user, password, database, ssl }: PgClient,
    sql: string,
    values: unknown[],
  ): Promise<Rows> {
    const session = new this.pg.Client({
      host,
      port,
      user,
      password,
      database,
      ssl,
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
    });
    // Without a listener, losing this connection would end the process.
    session.on('error', () => undefined);
    try {
      await session.connect();
      const { rows } = (await session.query(sql, values)) as { rows: Rows };
      return rows;
    } finally {
      session.end().catch(() => undefined);
    }
  }
}
