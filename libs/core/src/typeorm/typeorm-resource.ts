import { QueryFailedError } from 'typeorm';
import {
  CannotCreateTransactionError,
  messageOf,
  TransactionControlError,
  TransactionError,
} from '../errors.js';
import { endedError } from '../transaction/call-plan.js';
import type { TransactionLog } from '../transaction/transaction-log.js';
import { TransactionScope, type Transaction } from '../transaction/transaction.js';
import type {
  CommitAnswer,
  ResourceEvent,
  TransactionalResource,
} from '../transaction/transactional-resource.js';
import { beginStatement } from './begin-statement.js';
import { guardClient, type ClientGuard, type Submittable } from './guarded-client.js';
import type { MergedBeginClass } from './merged-begin.js';
import { isRefusal, isServerError, type PgClient, type PgResult } from './pg-client.js';
import { StatementGate } from './statement-gate.js';
import type { RunnerOwner, TransactionalQueryRunner } from './transactional-query-runner.js';

/** What all transactions of one data source share. */
export interface ResourceParts {
  readonly openRunner: (owner: RunnerOwner, mode: 'master' | 'slave') => TransactionalQueryRunner;
  /** The scope that surrounds the caller, whatever transaction it belongs to. */
  readonly surroundingScope: () => TransactionScope | undefined;
  /** Runs `work` with `scope` as what surrounds it. */
  readonly runIn: <T>(scope: TransactionScope, work: () => T) => T;
  /** Whether TypeORM subscribers want to hear of the start of a transaction (to set a role, say). */
  readonly hasStartListeners: () => boolean;
  /** `undefined` where BEGIN cannot share a round trip. */
  readonly MergedBegin: MergedBeginClass | undefined;
  readonly logQuery: (sql: string, runner: TransactionalQueryRunner) => void;
  readonly log: TransactionLog;
}

/** One transaction's runner and connection: sends BEGIN with the first statement, guards the rest, believes only tags. */
export class TypeOrmResource implements TransactionalResource, RunnerOwner, ClientGuard {
  readonly runner: TransactionalQueryRunner;
  readonly #gate: StatementGate;
  readonly #savepoints = new Map<TransactionScope, string>();
  /** Savepoints that user code set through the runner's own startTransaction(). */
  readonly #byHand: string[] = [];
  readonly #cursors = new Set<Submittable>();
  #namedSavepoints = 0;
  #client: PgClient | undefined;
  #guarded: PgClient | undefined;
  /** Settled when the first statement may be sent. */
  #ready: Promise<PgClient> | undefined;
  /** What the listeners of the start send passes before everything else. */
  #startScope: TransactionScope | undefined;
  /** Why nothing can be sent any more although the transaction has not ended. */
  #failure: Error | undefined;
  /** Why the connection must not be pooled. */
  #brokenBy: unknown;

  constructor(
    private readonly transaction: Transaction,
    private readonly parts: ResourceParts,
  ) {
    this.#gate = new StatementGate(transaction.root);
    this.runner = parts.openRunner(this, transaction.definition.readOnly ? 'slave' : 'master');
  }

  // As the runner's owner

  connect(): Promise<PgClient> {
    if (this.#startScope !== undefined && this.#scope === this.#startScope)
      return Promise.resolve(this.#guarded!);
    return (this.#ready ??= this.#connect());
  }

  assertOpen(what: string): void {
    if (!this.#scope.isOpen) throw this.#refusal(what);
  }

  async ensureBegun(): Promise<void> {
    await this.connect();
    const begin = async (): Promise<void> => {
      if (!this.#hasBegun) await this.#beginSeparately(this.#client!);
    };
    if (!this.#hasBegun) await this.#gate.pass(this.#scope, begin, () => this.#refusal('BEGIN'));
  }

  explain(error: unknown): unknown {
    const own =
      error instanceof QueryFailedError && (error.driverError as unknown) instanceof TransactionError;
    const explained: unknown = own ? (error as QueryFailedError).driverError : error;
    const first = this.#scope.firstFailure;
    if (
      explained instanceof Error &&
      first !== undefined &&
      explained.cause === undefined &&
      !isSame(explained, first)
    ) {
      explained.cause = first;
    }
    return explained;
  }

  connectionLost(error: unknown): void {
    this.#brokenBy ??= error;
    this.#scope.noteFailure(error);
  }

  async startByHand(): Promise<void> {
    const name = this.#nextSavepoint();
    await this.runner.query(`SAVEPOINT ${name}`);
    this.#byHand.push(name);
  }

  async endByHand(how: 'release' | 'rollback'): Promise<void> {
    const name = this.#byHand.pop();
    if (name === undefined) {
      const what = how === 'release' ? 'commitTransaction() was called' : 'rollbackTransaction() was called';
      throw this.#controlError(what);
    }
    await this.runner.query(leaveStatement(name, how));
  }

  // As the client's guard

  send(config: unknown, values: unknown): Promise<unknown> {
    const scope = this.#scope;
    const text = typeof config === 'string' ? config : (config as { text: string }).text;
    if (CONTROL.test(text)) return Promise.reject(this.#controlError(`${text.trim()} was sent`));
    return this.#gate.pass(
      scope,
      () => {
        this.transaction.countStatement();
        return this.#transmit(scope, config, values);
      },
      () => this.#refusal(text),
    );
  }

  submit(cursor: Submittable): unknown {
    if (!this.#scope.isOpen) throw this.#refusal('A cursor');
    // It cannot wait for an answer to BEGIN. Should BEGIN fail, the connection is destroyed, and the cursor with it.
    if (!this.#hasBegun) void this.#beginSeparately(this.#client!).catch(() => undefined);
    this.#cursors.add(cursor);
    const vacate = this.#gate.occupy();
    for (const method of ['handleError', 'handleReadyForQuery'] as const) {
      const plain = cursor[method].bind(cursor);
      cursor[method] = (...args) => {
        this.#cursors.delete(cursor);
        vacate();
        return plain(...args);
      };
    }
    return this.#client!.query(cursor);
  }

  // As the transaction's resource

  close(): void {
    this.#gate.close();
    for (const cursor of this.#cursors) {
      if (cursor.destroy === undefined) cursor.close?.();
      else cursor.destroy(this.#refusal('Reading on from a stream'));
    }
  }

  async announce(event: ResourceEvent): Promise<void> {
    if (this.#hasBegun) await this.runner.broadcaster.broadcast(EVENTS[event]);
  }

  async commit(): Promise<CommitAnswer> {
    if (this.#failure ?? this.#brokenBy) return rolledBack(this.#failure ?? this.#brokenBy);
    if (!this.#hasBegun) return { outcome: 'committed' };
    try {
      const { command } = await this.#gate.passLast(() => this.#control('COMMIT'));
      return command === 'COMMIT' ? { outcome: 'committed' } : rolledBack(this.transaction.root.firstFailure);
    } catch (error) {
      if (isRefusal(error)) throw new QueryFailedError('COMMIT', undefined, error);
      this.#brokenBy = error;
      return { outcome: 'unknown', cause: error };
    } finally {
      this.runner.isTransactionActive = false;
    }
  }

  async rollback(): Promise<void> {
    try {
      // A lost connection needs no ROLLBACK: the server has already rolled back.
      if (this.#hasBegun && this.#brokenBy === undefined)
        await this.#gate.passLast(() => this.#control('ROLLBACK'));
    } catch (error) {
      this.#brokenBy = error;
      throw error;
    } finally {
      this.runner.isTransactionActive = false;
    }
  }

  async enterScope(scope: TransactionScope): Promise<void> {
    const name = this.#nextSavepoint();
    this.#savepoints.set(scope, name);
    const set = async (): Promise<void> => {
      await this.connect();
      await this.#control(`SAVEPOINT ${name}`);
    };
    await this.#gate.enter(scope, set, () => this.#refusal('A NESTED transaction'));
  }

  async leaveScope(scope: TransactionScope, how: 'release' | 'rollback'): Promise<void> {
    const statement = leaveStatement(this.#savepoints.get(scope)!, how);
    const leave = async (): Promise<void> => void (await this.#control(statement));
    await this.#gate.leave(scope, leave, () => this.#refusal('Leaving a NESTED transaction'));
  }

  async dispose(): Promise<void> {
    if (this.#client === undefined) return;
    const status = this.#client.getTransactionStatus?.() ?? 'I';
    if (status !== 'I')
      this.#brokenBy ??= new Error(`the connection was left in transaction status ${status}`);
    await this.runner.giveBack(this.#brokenBy);
  }

  // Sending

  get #hasBegun(): boolean {
    return this.transaction.hasBegun;
  }

  /** The caller's scope. A caller whose context was lost, or belongs to another transaction, sends from the innermost. */
  get #scope(): TransactionScope {
    const scope = this.parts.surroundingScope();
    return scope?.transaction === this.transaction ? scope : this.#gate.innermost;
  }

  async #connect(): Promise<PgClient> {
    let client: PgClient;
    try {
      client = await this.runner.plainConnect();
    } catch (error) {
      throw this.#cannotBegin(error);
    }
    this.#client = client;
    if (!this.transaction.isOpen) {
      await this.dispose();
      throw this.#refusal('Connecting');
    }
    this.#guarded = guardClient(client, this);
    if (this.parts.hasStartListeners()) await this.#startWithListeners(client);
    return this.#guarded;
  }

  /** Begins before the first statement, so that what a listener sets (a role for row-level security) holds for it. */
  async #startWithListeners(client: PgClient): Promise<void> {
    const { broadcaster } = this.runner;
    await broadcaster.broadcast('BeforeTransactionStart');
    const scope = new TransactionScope(this.transaction, this.transaction.root);
    const refusal = (): Error => this.#refusal('Starting');
    await this.#gate.enter(scope, () => this.#beginSeparately(client), refusal);
    this.#startScope = scope;
    try {
      await this.parts.runIn(scope, () => broadcaster.broadcast('AfterTransactionStart'));
    } finally {
      this.#startScope = undefined;
      scope.end();
      await this.#gate.leave(scope, () => Promise.resolve(), refusal);
    }
  }

  #transmit(scope: TransactionScope, config: unknown, values?: unknown): Promise<PgResult> {
    const client = this.#client!;
    const sent = this.#hasBegun
      ? (client.query(config, values) as Promise<PgResult>)
      : this.#beginWith(client, config, values);
    return sent.then(
      (result) => {
        if (client.getTransactionStatus?.() === 'I') throw this.#endedByHand(config);
        return result;
      },
      (error: unknown) => {
        this.#noteFailure(scope, error);
        throw error;
      },
    );
  }

  async #beginWith(client: PgClient, config: unknown, values: unknown): Promise<PgResult> {
    const { MergedBegin } = this.parts;
    // A named statement is known to pg as prepared from the first ParseComplete on, which here would be BEGIN's.
    if (MergedBegin === undefined || (config as { name?: string }).name !== undefined) {
      await this.#beginSeparately(client);
      return (await client.query(config, values)) as PgResult;
    }
    const begin = this.#begin();
    return await new Promise<PgResult>((resolve, reject) => {
      const merged = new MergedBegin(begin, config, values, (error, result, hasBegun) => {
        if (error === null) resolve(result!);
        else reject(hasBegun ? error : this.#cannotBegin(error));
      });
      client.query(merged);
    });
  }

  async #beginSeparately(client: PgClient): Promise<void> {
    try {
      await client.query(this.#begin());
    } catch (error) {
      throw this.#cannotBegin(error);
    }
  }

  #begin(): string {
    const begin = beginStatement(this.transaction.definition);
    this.transaction.moveTo({ kind: 'active' });
    this.parts.logQuery(begin, this.runner);
    return begin;
  }

  /** Sends a statement of the transaction itself. */
  #control(sql: string): Promise<PgResult> {
    if (this.#hasBegun) this.parts.logQuery(sql, this.runner);
    return this.#hasBegun && !this.transaction.isOpen
      ? (this.#client!.query(sql) as Promise<PgResult>)
      : this.#transmit(this.#gate.innermost, sql);
  }

  #nextSavepoint(): string {
    return `sp_${++this.#namedSavepoints}`;
  }

  // Failing

  #noteFailure(scope: TransactionScope, error: unknown): void {
    scope.noteFailure(error);
    // Not the server's word: the connection is gone, or still busy with a statement that pg no longer waits for.
    if (!isServerError(error) && !(error instanceof TransactionError)) this.#brokenBy ??= error;
  }

  #cannotBegin(cause: unknown): Error {
    this.#failure ??= new CannotCreateTransactionError(cause);
    this.#gate.close();
    return this.#failure;
  }

  #endedByHand(config: unknown): Error {
    const text = typeof config === 'string' ? config : String((config as { text?: string }).text);
    this.#failure ??= this.#controlError(`${text.trim()} ended the transaction`, 'unknown');
    this.#gate.close();
    return this.#failure;
  }

  #controlError(what: string, outcome: 'rolled-back' | 'unknown' = 'rolled-back'): Error {
    const error = new TransactionControlError(this.transaction.toString(), { what, outcome });
    this.transaction.root.markRollbackOnly(what, error);
    return error;
  }

  #refusal(what: string): Error {
    const error = this.#failure ?? endedError(firstLine(what), this.#scope);
    const subject = { transaction: this.transaction.toString(), requestId: this.transaction.requestId };
    this.parts.log.error(`refused after its end: ${firstLine(what)}`, subject);
    return error;
  }
}

/** Statements that would end (or restart) the transaction behind its back. ROLLBACK TO a savepoint is not among them. */
const CONTROL =
  /^\s*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i;

const EVENTS = {
  'before-commit': 'BeforeTransactionCommit',
  'after-commit': 'AfterTransactionCommit',
  'before-rollback': 'BeforeTransactionRollback',
  'after-rollback': 'AfterTransactionRollback',
} as const;

function leaveStatement(savepoint: string, how: 'release' | 'rollback'): string {
  const release = `RELEASE SAVEPOINT ${savepoint}`;
  return how === 'release' ? release : `ROLLBACK TO SAVEPOINT ${savepoint}; ${release}`;
}

function rolledBack(cause: unknown): CommitAnswer {
  return { outcome: 'rolled-back', reason: `a statement had failed (${messageOf(cause)})`, cause };
}

function isSame(error: Error, first: unknown): boolean {
  return error === first || (error as { driverError?: unknown }).driverError === first;
}

function firstLine(sql: string): string {
  const [line = ''] = sql.trim().split('\n', 1);
  return line.length > 80 ? `${line.slice(0, 77)}…` : line;
}
