import type { PgModule, PgPool, PgSession } from './pg-client.js';

/** How long a question to the server may take that is asked beside a transaction, in milliseconds. */
const PATIENCE_MS = 2000;

/**
 * Asks the server something on a connection of its own, outside of the pool: about another connection that is busy or
 * lost, at a moment when the pool may have nothing to give.
 */
export class SideSession {
  constructor(
    private readonly pg: Pick<PgModule, 'Client'>,
    private readonly pool: () => PgPool,
  ) {}

  /** Cancels what the server process `pid` is executing. */
  async cancel(pid: number): Promise<void> {
    await this.#ask('SELECT pg_cancel_backend($1)', [pid]);
  }

  /** The server processes that hold a lock which `pid` waits for. */
  async blockersOf(pid: number): Promise<readonly number[]> {
    const [row] = await this.#ask('SELECT pg_blocking_pids($1) AS pids', [pid]);
    return (row?.['pids'] ?? []) as number[];
  }

  /**
   * What became of the transaction `xid`; `null` when it is too old to be known.
   *
   * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
   */
  async statusOf(xid: string): Promise<'committed' | 'aborted' | 'in progress' | null> {
    const [row] = await this.#ask('SELECT pg_xact_status($1::xid8) AS status', [xid]);
    return row?.['status'] as 'committed' | 'aborted' | 'in progress' | null;
  }

  async #ask(sql: string, values: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    const { options } = this.pool();
    const session = new this.pg.Client(
      Object.create(options, {
        connectionTimeoutMillis: { value: PATIENCE_MS },
        query_timeout: { value: PATIENCE_MS },
      }),
    );
    // Without a listener, losing this connection would end the process.
    session.on('error', () => undefined);
    try {
      await session.connect();
      return await answerOf(session, sql, values);
    } finally {
      session.end().catch(() => undefined);
    }
  }
}

async function answerOf(session: PgSession, sql: string, values: readonly unknown[]) {
  const { rows } = (await session.query(sql, values)) as { rows: readonly Record<string, unknown>[] };
  return rows;
}
