import { QueryFailedError } from 'typeorm';
import { CannotCreateTransactionError, TransactionControlError, TransactionError } from '../errors.js';
import { endedError } from '../transaction/call-plan.js';
import { subjectOf, type TransactionLog } from '../transaction/transaction-log.js';
import type { Transaction } from '../transaction/transaction.js';
import { failedStatement, TransactionScope } from '../transaction/transaction-scope.js';
import type {
  CommitAnswer,
  ResourceEvent,
  TransactionalResource,
} from '../transaction/transactional-resource.js';
import { guardClient, type ClientGuard, type Submittable } from './guarded-client.js';
import { isRefusal, isServerError, type PgClient, type PgResult } from './pg-client.js';
import { OpenCursors } from './open-cursors.js';
import { leaveStatements, SavepointsByHand } from './savepoints-by-hand.js';
import { StatementGate } from './statement-gate.js';
import { TransactionConnection, type ConnectionParts } from './transaction-connection.js';
import { isTransactionControl, mayHaveEnded } from './transaction-control.js';
import { VersionBook, type BookKeeping } from './versions/version-book.js';
import type { VersionKeeper } from './versions/version-keeper.js';
import type { RunnerOwner, TransactionalQueryRunner } from './transactional-query-runner.js';

/** What all transactions of one data source share. */
export interface ResourceParts extends ConnectionParts {
  readonly openRunner: (owner: RunnerOwner, mode: 'master' | 'slave') => TransactionalQueryRunner;
  /** The scope that surrounds the caller, whatever transaction it belongs to. */
  readonly surroundingScope: () => TransactionScope | undefined;
  /** Runs `work` with `scope` as what surrounds it. */
  readonly runIn: <T>(scope: TransactionScope, work: () => T) => T;
  /** Whether TypeORM subscribers want to hear of the start of a transaction (to set a role, say). */
  readonly hasStartListeners: () => boolean;
  readonly versions: VersionKeeper;
  readonly log: TransactionLog;
  /** How long a statement waits for a silent nested scope beside it, in milliseconds. */
  readonly nestedWaitMs: number;
}

/** One transaction as TypeORM sees it: a runner whose statements pass the gate, in their scope, or not at all. */
export class TypeOrmResource implements TransactionalResource, RunnerOwner, ClientGuard {
  readonly runner: TransactionalQueryRunner;
  readonly #gate: StatementGate;
  readonly #connection: TransactionConnection;
  readonly #savepoints = new Map<TransactionScope, string>();
  readonly #byHand = new SavepointsByHand((sql) => this.runner.query(sql));
  readonly #cursors = new OpenCursors();
  #book: VersionBook | undefined;
  #namedSavepoints = 0;
  #guarded: PgClient | undefined;
  /** Settled when the first statement may be sent. */
  #ready: Promise<PgClient> | undefined;
  /** What the listeners of the start send passes before everything else. */
  #startScope: TransactionScope | undefined;
  /** Why nothing can be sent any more although the transaction has not ended. */
  #failure: Error | undefined;

  constructor(
    private readonly transaction: Transaction,
    private readonly parts: ResourceParts,
  ) {
    this.#gate = new StatementGate(transaction.root, {
      ...parts,
      onCycle: (cycle) => transaction.interrupt(cycle),
    });
    this.runner = parts.openRunner(this, transaction.definition.readOnly ? 'slave' : 'master');
    this.#connection = new TransactionConnection(transaction, this.runner, parts);
  }

  // As the keeper of versions sees it

  get versions(): VersionKeeper {
    return this.parts.versions;
  }

  /** What the transaction knows about versions, and the scope in which the caller is. */
  get bookKeeping(): BookKeeping {
    const scope = this.#scope;
    this.#book ??= new VersionBook(() => this.#scope);
    return { book: this.#book, scope };
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
    const scope = this.#scope;
    if (this.transaction.hasBegun && this.#gate.hasEntered(scope)) return;
    const begin = { config: 'SELECT 1', values: undefined };
    await this.#gate.pass(
      scope,
      (entered) => this.#transmit(scope, entered, begin),
      () => this.#refusal('BEGIN'),
    );
  }

  /** The library's own errors come out of TypeORM's wrapping; those that follow from an earlier one say so. */
  explain(error: unknown): unknown {
    const { interruption } = this.transaction;
    if (interruption !== undefined) return interruption;
    const driverError: unknown = error instanceof QueryFailedError ? error.driverError : undefined;
    const explained = driverError instanceof TransactionError ? driverError : error;
    const first = this.#scope.firstFailure;
    if (explained instanceof Error && first !== undefined && first !== explained && first !== driverError) {
      explained.cause ??= first;
    }
    return explained;
  }

  connectionLost(error: unknown): void {
    this.#connection.breakBecause(error);
    this.#cursors.connectionLost();
    this.#gate.innermost.noteFailure(error);
  }

  async startByHand(): Promise<void> {
    const goBack = this.bookKeeping.book.mark();
    await this.#byHand.start(this.#nextSavepoint(), this.#scope, goBack);
  }

  async endByHand(how: 'release' | 'rollback'): Promise<void> {
    if (await this.#byHand.end(how)) return;
    throw this.#controlError(
      `${how === 'release' ? 'commitTransaction()' : 'rollbackTransaction()'} was called`,
    );
  }

  // As the client's guard

  send(config: unknown, values: unknown): Promise<unknown> {
    const scope = this.#scope;
    const text = textOf(config);
    if (isTransactionControl(text)) return Promise.reject(this.#controlError(`${text.trim()} was sent`));
    return this.#gate.pass(
      scope,
      (entered) => {
        this.transaction.countStatement();
        this.#book?.noteSent(text);
        return this.#transmit(scope, entered, { config, values });
      },
      () => this.#refusal(text),
    );
  }

  refuseToEnd(): Error {
    return this.#controlError('end() of the connection was called');
  }

  submit(cursor: Submittable): unknown {
    const scope = this.#scope;
    const text = textOf(cursor.cursor ?? cursor);
    if (!scope.isOpen) throw this.#refusal(text);
    if (isTransactionControl(text)) throw this.#controlError(`${text.trim()} was sent`);
    this.transaction.countStatement();
    const leaveWire = this.#connection.occupy();
    const vacate = this.#gate.occupy();
    this.#cursors.add(cursor, (error) => {
      leaveWire();
      vacate();
      if (!isServerError(error)) return;
      scope.noteFailure(error);
      this.explain(error);
    });
    return this.#connection.submit(cursor);
  }

  // As the transaction's resource

  close(): void {
    this.#gate.close();
    this.#cursors.close(() => this.#refusal('Reading on from a stream'));
  }

  interrupt(because: Error): void {
    this.#failure ??= because;
    this.close();
    this.#connection.cancel(because);
  }

  get hasFailed(): boolean {
    return this.#connection.status === 'E';
  }

  async announce(event: ResourceEvent): Promise<void> {
    if (this.transaction.hasBegun) await this.runner.broadcaster.broadcast(EVENTS[event]);
  }

  prepare(): Promise<void> | undefined {
    if (this.#book === undefined || !this.#book.isDue) return undefined;
    return this.parts.versions.aggregates.settle(this.bookKeeping, this.runner);
  }

  async commit(): Promise<CommitAnswer> {
    const answer = await this.#commit().catch((refusal: unknown) => {
      this.#book?.rollBack();
      throw refusal;
    });
    if (answer.outcome === 'rolled-back') this.#book?.rollBack();
    return answer;
  }

  async #commit(): Promise<CommitAnswer> {
    await this.#gate.quiet();
    const hindrance = this.#failure ?? this.#connection.brokenBy;
    if (hindrance !== undefined) return rolledBack(hindrance);
    if (!this.transaction.hasBegun) return { outcome: 'committed' };
    try {
      const { command } = await this.#connection.finish('COMMIT');
      return command === 'COMMIT' ? { outcome: 'committed' } : rolledBack(this.transaction.root.firstFailure);
    } catch (error) {
      if (isRefusal(error)) throw new QueryFailedError('COMMIT', undefined, error);
      return await this.#connection.resolveCommit(error);
    } finally {
      this.runner.isTransactionActive = false;
    }
  }

  async rollback(): Promise<void> {
    // What runs on is a parallel branch's statement, which is in vain: it must not keep the caller from its error.
    const callOff = this.parts.clock.after(PATIENCE_MS, () =>
      this.#connection.cancel(new Error('rolled back')),
    );
    try {
      await this.#gate.quiet();
      // A lost connection needs no ROLLBACK: the server has already rolled back.
      if (this.transaction.hasBegun && this.#connection.brokenBy === undefined)
        await this.#connection.finish('ROLLBACK');
    } finally {
      callOff();
      this.runner.isTransactionActive = false;
      this.#book?.rollBack();
    }
  }

  async leaveScope(scope: TransactionScope, how: 'release' | 'rollback'): Promise<void> {
    const name = this.#savepoints.get(scope) ?? '';
    try {
      await this.#gate.leave(scope, () => (how === 'release' ? this.#keep(name) : this.#undo(name)));
      this.#book?.leave(scope, how);
    } catch (failure) {
      this.#book?.leave(scope, 'rollback');
      throw failure;
    }
  }

  async dispose(): Promise<void> {
    this.runner.isTransactionActive = false;
    await this.#connection.giveBack();
  }

  // Sending

  /** The caller's scope. A caller whose context was lost, or belongs to another transaction, sends from the innermost. */
  get #scope(): TransactionScope {
    const scope = this.parts.surroundingScope();
    return scope?.transaction === this.transaction ? scope : this.#gate.innermost;
  }

  async #connect(): Promise<PgClient> {
    try {
      this.#guarded = guardClient(await this.#connection.open(), this);
    } catch (error) {
      throw this.#fail(error as Error);
    }
    if (!this.transaction.isOpen) {
      await this.#connection.giveBack();
      throw this.#refusal('Connecting');
    }
    if (this.parts.hasStartListeners()) await this.#startWithListeners();
    // Behind what a listener sets: it may say whose rows are seen.
    this.#lockAhead();
    return this.#guarded;
  }

  /** What earlier tries met conflicts at is locked first, in the first statement's round trip. */
  #lockAhead(): void {
    const { transaction, parts } = this;
    if (transaction.conflicts.length === 0) return;
    const { conflicts } = parts.versions;
    for (const row of conflicts.rowsHeldIn(transaction.conflicts)) {
      this.#connection.precede(conflicts.lockStatement(row));
      this.bookKeeping.book.noteHeld(row);
    }
  }

  /** Begins before the first statement, so that what a listener sets (a role for row-level security) holds for it. */
  async #startWithListeners(): Promise<void> {
    const { broadcaster } = this.runner;
    await broadcaster.broadcast('BeforeTransactionStart');
    const scope = new TransactionScope(this.transaction, this.transaction.root);
    this.#startScope = scope;
    try {
      await this.parts.runIn(scope, () => broadcaster.broadcast('AfterTransactionStart'));
    } finally {
      this.#startScope = undefined;
      scope.end();
      await this.leaveScope(scope, 'release');
    }
  }

  async #transmit(
    scope: TransactionScope,
    entered: readonly TransactionScope[],
    { config, values }: { config: unknown; values: unknown },
  ): Promise<unknown> {
    for (const each of entered) this.#connection.precede(`SAVEPOINT ${this.#savepointOf(each)}`);
    try {
      const result = await this.#connection.send(config, values);
      if (this.#hasEnded(textOf(config), result)) throw this.#endedByHand(textOf(config));
      return result;
    } catch (error) {
      if (error instanceof CannotCreateTransactionError) throw this.#fail(error);
      if (mayHaveEnded(textOf(config)) && (await this.#connection.isIdle()))
        throw this.#endedByHand(textOf(config));
      if (isServerError(error) || this.#connection.brokenBy !== undefined) scope.noteFailure(error);
      throw error;
    }
  }

  /**
   * Whether a text of several statements ended the transaction. It may have begun another one, so that the status shows
   * nothing; ROLLBACK is also the tag of going back to a savepoint.
   */
  #hasEnded(text: string, result: unknown): boolean {
    if (this.#connection.status === 'I') return true;
    if (!Array.isArray(result)) return false;
    const tags = (result as PgResult[]).map(({ command }) => command);
    return (
      tags.includes('COMMIT') ||
      tags.includes('BEGIN') ||
      (tags.includes('ROLLBACK') && /\bchain\b/i.test(text))
    );
  }

  /** Where nothing in it has failed, RELEASE can wait for the next statement, or be spared by COMMIT. */
  async #keep(savepoint: string): Promise<void> {
    const [release] = leaveStatements(savepoint, 'release');
    if (this.#connection.status === 'T') return this.#connection.precede(release!);
    try {
      await this.#control(release!);
    } catch (error) {
      await this.#undo(savepoint);
      throw error;
    }
  }

  async #undo(savepoint: string): Promise<void> {
    await this.#control(leaveStatements(savepoint, 'rollback').join(';'));
  }

  /** Sends a statement of the transaction itself. */
  async #control(sql: string): Promise<void> {
    this.parts.logQuery(sql, this.runner);
    await this.#connection.send(sql);
  }

  #savepointOf(scope: TransactionScope): string {
    const name = this.#nextSavepoint();
    this.#savepoints.set(scope, name);
    return name;
  }

  #nextSavepoint(): string {
    return `sp_${++this.#namedSavepoints}`;
  }

  // Failing

  /** Nothing can be sent any more, and `error` says why. */
  #fail(error: Error): Error {
    this.#failure ??= error;
    this.transaction.root.noteFailure(error);
    this.#gate.close();
    return this.#failure;
  }

  #endedByHand(text: string): Error {
    return this.#fail(this.#controlError(`${text.trim()} ended the transaction`, 'unknown'));
  }

  #controlError(what: string, outcome: 'rolled-back' | 'unknown' = 'rolled-back'): Error {
    const error = this.transaction.identified(
      new TransactionControlError(this.transaction.toString(), { what, outcome }),
    );
    this.transaction.root.markRollbackOnly(what, error);
    return error;
  }

  #refusal(what: string): Error {
    this.parts.log.error(`refused after its end: ${firstLine(what)}`, subjectOf(this.transaction));
    return this.#failure ?? endedError(firstLine(what), this.#scope);
  }
}

/** How long a rollback waits for a statement that still runs before it cancels it, in milliseconds. */
const PATIENCE_MS = 1000;

const EVENTS = {
  'before-commit': 'BeforeTransactionCommit',
  'after-commit': 'AfterTransactionCommit',
  'before-rollback': 'BeforeTransactionRollback',
  'after-rollback': 'AfterTransactionRollback',
} as const;

function rolledBack(cause: unknown): CommitAnswer {
  return { outcome: 'rolled-back', ...failedStatement(cause) };
}

function textOf(config: unknown): string {
  return typeof config === 'string' ? config : String((config as { text?: string } | null)?.text);
}

function firstLine(sql: string): string {
  const [line = ''] = sql.trim().split('\n', 1);
  return line.length > 80 ? `${line.slice(0, 77)}…` : line;
}
