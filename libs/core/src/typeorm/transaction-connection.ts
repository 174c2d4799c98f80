import { CannotCreateTransactionError, ConnectionStarvationError } from '../errors.js';
import type { Clock } from '../transaction/clock.js';
import type { Transaction } from '../transaction/transaction.js';
import type { CommitAnswer } from '../transaction/transactional-resource.js';
import { beginStatement } from './begin-statement.js';
import type { ConnectionLedger } from './connection-ledger.js';
import { isServerError, type PgClient, type PgResult } from './pg-client.js';
import { resolveOutcome } from './lost-commit.js';
import type { PreludedQueryClass } from './preluded-query.js';
import { watchSelfDeadlock } from './self-deadlock-watch.js';
import type { SideSession } from './side-session.js';
import type { TransactionalQueryRunner } from './transactional-query-runner.js';

/** The server's own limit is this much behind the client's, which cancels and keeps the connection; in milliseconds. */
const SERVER_GRACE_MS = 250;
/** How long a cancelled statement may take to end before its connection is destroyed, in milliseconds. */
const CANCEL_GRACE_MS = 1000;

export interface ConnectionParts {
  readonly clock: Clock;
  readonly ledger: ConnectionLedger;
  readonly side: SideSession;
  /** `undefined` where statements cannot share a round trip. */
  readonly PreludedQuery: PreludedQueryClass | undefined;
  /** Whether the transaction's id is fetched with BEGIN, to ask for its outcome should the answer to COMMIT be lost. */
  readonly isTracking: boolean;
  /** Whether the server knows `transaction_timeout` (PostgreSQL 17 and later). */
  readonly hasTransactionTimeout: () => boolean;
  readonly logQuery: (sql: string, runner: TransactionalQueryRunner) => void;
}

/** The connection of one transaction: taken at the first statement, which BEGIN and the like precede in one round trip. */
export class TransactionConnection {
  /** The transaction's id at the server, where outcomes are tracked. */
  #xid: string | undefined;
  #client: PgClient | undefined;
  /** What must precede the next statement. */
  #preludes: string[] = [];
  /** Why the connection can take no more statements and must not be pooled. */
  #brokenBy: unknown;
  #cancelling: Promise<void> = Promise.resolve();
  /** The last statement failed: pg hands out the error before it hears of the status after it. */
  #hasFailed = false;
  #inFlight = 0;
  #isGivenBack = false;

  constructor(
    private readonly transaction: Transaction,
    readonly runner: TransactionalQueryRunner,
    private readonly parts: ConnectionParts,
  ) {}

  get brokenBy(): unknown {
    return this.#brokenBy;
  }

  /** T: in a transaction, E: in a failed one, I: in none; `undefined` where pg does not tell. */
  get status(): 'I' | 'T' | 'E' | undefined {
    const told = this.#client?.getTransactionStatus?.() ?? undefined;
    return told === 'T' && this.#hasFailed ? 'E' : told;
  }

  /** @throws CannotCreateTransactionError, ConnectionStarvationError */
  async open(): Promise<PgClient> {
    const { transaction, runner } = this;
    // The time runs while it waits for the pool, too.
    transaction.deadline?.start();
    this.parts.ledger.hold(transaction, undefined);
    try {
      this.#client = await this.parts.ledger.connect(
        transaction.suspended?.transaction,
        transaction.toString(),
        {
          connect: () => runner.plainConnect(),
          giveBack: () => void runner.giveBack(),
        },
      );
    } catch (error) {
      this.parts.ledger.free(transaction);
      const told =
        error instanceof ConnectionStarvationError ? error : new CannotCreateTransactionError(error);
      throw transaction.identified(told);
    }
    this.parts.ledger.hold(transaction, this.#client.processID);
    return this.#client;
  }

  /** The next statement is preceded by `sql`, in the same round trip. */
  precede(sql: string): void {
    this.#preludes.push(sql);
  }

  breakBecause(error: unknown): void {
    this.#brokenBy ??= error;
  }

  /** Sends a statement, behind whatever must precede it. */
  async send(config: unknown, values?: unknown): Promise<PgResult> {
    if (this.#brokenBy !== undefined) throw this.#brokenBy as Error;
    const client = this.#client!;
    const preludes = this.#takePreludes();
    this.#inFlight++;
    const stopWatching = this.#watch();
    try {
      const result =
        preludes.length === 0
          ? ((await client.query(config, values)) as PgResult)
          : await this.#sendBehind(preludes, config, values);
      this.#hasFailed = false;
      return result;
    } catch (error) {
      this.#hasFailed ||= isServerError(error);
      if (isLoss(error) || isGone(client)) this.#brokenBy ??= error;
      if (isTimedOut(error)) this.#stopServer();
      throw error;
    } finally {
      stopWatching();
      this.#inFlight--;
    }
  }

  /** Something is on the wire until the returned function is called. */
  occupy(): () => void {
    this.#inFlight++;
    return () => this.#inFlight--;
  }

  /** Sends what cannot wait for an answer; should BEGIN fail, the connection is destroyed, and the cursor with it. */
  submit(cursor: unknown): unknown {
    const client = this.#client!;
    for (const prelude of this.#takePreludes()) {
      (client.query(prelude) as Promise<unknown>).catch((error: unknown) => this.destroy(error));
    }
    return client.query(cursor);
  }

  /** Whether the server is in no transaction; asks it, because pg hands out an error before it knows the status after it. */
  async isIdle(): Promise<boolean> {
    if (this.#brokenBy !== undefined) return false;
    await (this.#client!.query('SELECT 1') as Promise<unknown>).catch(() => undefined);
    return this.status === 'I';
  }

  /** COMMIT or ROLLBACK: what should have preceded a further statement is of no use any more. */
  async finish(sql: 'COMMIT' | 'ROLLBACK'): Promise<PgResult> {
    await this.#cancelling;
    this.#preludes = [];
    this.parts.logQuery(sql, this.runner);
    this.#inFlight++;
    const stopWatching = this.#watch();
    const stop = this.#limitFinish();
    try {
      return (await this.#client!.query(sql)) as PgResult;
    } catch (error) {
      if (!isServerError(error)) this.#brokenBy ??= error;
      // The status after an error comes later than the error: with a packet of its own, where the server is slow.
      else await this.isIdle();
      throw error;
    } finally {
      stop();
      stopWatching();
      this.#inFlight--;
    }
  }

  /** What became of a COMMIT whose answer was lost to `cause`. */
  async resolveCommit(cause: unknown): Promise<CommitAnswer> {
    this.breakBecause(cause);
    return await resolveOutcome({ client: this.#client!, xid: this.#xid, cause }, this.parts);
  }

  /** Cancels the running statement; destroys the connection when that is of no avail. */
  cancel(because: unknown): void {
    if (this.#client === undefined || this.#inFlight === 0 || this.#isGivenBack) return;
    const callOff = this.parts.clock.after(CANCEL_GRACE_MS, () => {
      if (this.#inFlight > 0) this.destroy(because);
    });
    this.#cancelling = this.parts.side.cancel(this.#client).catch(() => {
      callOff();
      this.destroy(because);
    });
  }

  destroy(because: unknown): void {
    this.#brokenBy ??= because;
    if (this.#inFlight > 0) this.#stopServer();
    this.#client?.connection?.stream.destroy();
  }

  /** The server would go on with a statement that nobody waits for, and keep its locks. */
  #stopServer(): void {
    this.parts.side.cancel(this.#client!).catch(() => undefined);
  }

  /** Back to the pool if it is idle, else destroyed. */
  async giveBack(): Promise<void> {
    if (this.#client === undefined || this.#isGivenBack) return;
    this.#isGivenBack = true;
    await this.#cancelling;
    const { status } = this;
    if (status === 'T' || status === 'E')
      this.#brokenBy ??= new Error(`left in transaction status ${status}`);
    this.parts.ledger.free(this.transaction);
    await this.runner.giveBack(this.#brokenBy);
  }

  #takePreludes(): readonly string[] {
    const { transaction, parts } = this;
    const { deadline } = transaction;
    const preludes = this.#preludes.splice(0);
    if (!transaction.hasBegun) preludes.unshift(...this.#beginning());
    else if (deadline !== undefined && !parts.hasTransactionTimeout() && this.status !== 'E') {
      preludes.push(`SET LOCAL statement_timeout = ${serverLimit(deadline.remainingMs)}`);
    }
    for (const prelude of preludes) parts.logQuery(prelude, this.runner);
    return preludes;
  }

  #beginning(): readonly string[] {
    const { transaction, parts } = this;
    const { definition, deadline } = transaction;
    transaction.moveTo({ kind: 'active' });
    const limit = parts.hasTransactionTimeout() ? 'transaction_timeout' : 'statement_timeout';
    return [
      beginStatement(definition),
      ...(deadline === undefined ? [] : [`SET LOCAL ${limit} = ${serverLimit(deadline.remainingMs)}`]),
      ...(parts.isTracking && !definition.readOnly ? ['SELECT pg_current_xact_id()::text AS xid'] : []),
    ];
  }

  async #sendBehind(preludes: readonly string[], config: unknown, values: unknown): Promise<PgResult> {
    const { PreludedQuery } = this.parts;
    const client = this.#client!;
    if (PreludedQuery === undefined || !canFollow(config)) {
      for (const prelude of preludes) await this.#sendPrelude(client, prelude);
      return (await client.query(config, values)) as PgResult;
    }
    return await new Promise<PgResult>((resolve, reject) => {
      const query = new PreludedQuery(preludes, { config, values }, (answer) => {
        if (this.parts.isTracking) this.#xid ??= answer.values[0];
        if (answer.error === null) resolve(answer.result!);
        else if (answer.hasBegun || !isBegin(preludes) || isTimedOut(answer.error)) reject(answer.error);
        else reject(this.#cannotBegin(answer.error));
      });
      client.query(query);
    });
  }

  async #sendPrelude(client: PgClient, prelude: string): Promise<void> {
    try {
      const { rows } = (await client.query(prelude)) as PgResult;
      this.#xid ??= rows[0]?.['xid'] as string | undefined;
    } catch (error) {
      throw isBegin([prelude]) ? this.#cannotBegin(error) : error;
    }
  }

  #cannotBegin(cause: unknown): Error {
    return this.transaction.identified(new CannotCreateTransactionError(cause));
  }

  /** A COMMIT that gets no answer must not outlast the call's own limit by more than the grace. */
  #limitFinish(): () => void {
    const { deadline } = this.transaction;
    if (deadline === undefined) return () => undefined;
    const limitMs = Math.max(0, deadline.remainingMs) + CANCEL_GRACE_MS;
    return this.parts.clock.after(limitMs, () => this.destroy(new Error('no answer within timeoutMs')));
  }

  #watch(): () => void {
    const { transaction } = this;
    // By far the most statements are sent where nothing is suspended: they pay for no watch.
    if (transaction.suspended === undefined) return NO_WATCH;
    return watchSelfDeadlock(
      {
        name: transaction.toString(),
        outer: transaction.suspended.transaction,
        client: () => this.#client,
        onDeadlock: (error) => transaction.interrupt(error),
      },
      this.parts,
    );
  }
}

const NO_WATCH = (): void => undefined;

/**
 * Whether a statement can share a round trip with what precedes it. Several statements in one text cannot: only the simple
 * protocol takes them, and it does not execute any part of a text that has a syntax error. Neither can one with a name,
 * which pg counts as prepared from the first ParseComplete on: here that would be a prelude's.
 */
function canFollow(config: unknown): boolean {
  const { text, name } =
    typeof config === 'string'
      ? { text: config, name: undefined }
      : (config as { text?: string; name?: string });
  return name === undefined && text !== undefined && !/;\s*\S/.test(text);
}

function isBegin(preludes: readonly string[]): boolean {
  return preludes[0]?.startsWith('BEGIN') ?? false;
}

function isGone(client: PgClient): boolean {
  return client._queryable === false;
}

/** After this, the connection takes no more statements: the server closed it, or pg no longer waits for its answer. */
function isLoss(error: unknown): boolean {
  return isServerError(error) ? /^(?:FATAL|PANIC)$/.test(error.severity) : isTimedOut(error);
}

/** pg's own `query_timeout` struck: it no longer waits for the answer, which will come in place of the next one's. */
function isTimedOut(error: unknown): boolean {
  return error instanceof Error && error.message === 'Query read timeout';
}

function serverLimit(remainingMs: number): number {
  return Math.max(1, Math.ceil(remainingMs)) + SERVER_GRACE_MS;
}
