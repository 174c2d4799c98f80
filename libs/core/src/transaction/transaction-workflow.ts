import type { ContextNamespace } from '../context/context-namespace.js';
import { bind, lookup, rootFrame, type Frame } from '../context/frame.js';
import { messageOf, OutcomeUnknownError, UnexpectedRollbackError, type TransactionError } from '../errors.js';
import { planCall, SUSPENDED, type CallPlan, type Level } from './call-plan.js';
import { isRollbackOn } from './rollback-rules.js';
import type { LogSubject, TransactionLog } from './transaction-log.js';
import type { TransactionDefinition } from './transaction-options.js';
import { Transaction, TransactionScope, type Outcome } from './transaction.js';
import type { CommitAnswer, TransactionalResource } from './transactional-resource.js';

/** A transactional method's body. */
export type Work<T> = () => T | PromiseLike<T>;

export interface WorkflowParts {
  readonly namespace: ContextNamespace;
  readonly log: TransactionLog;
  /** Makes the resource of a new transaction; nothing is sent yet. */
  readonly openResource: (transaction: Transaction) => TransactionalResource;
}

/** One call and what surrounds it. */
interface Call {
  readonly definition: TransactionDefinition;
  readonly frame: Frame | undefined;
  readonly level: Level;
}

/** Conducts every transaction of one data source: what to do with a call, and how it ends. */
export class TransactionWorkflow {
  readonly #namespace: ContextNamespace;
  readonly #log: TransactionLog;
  readonly #openResource: WorkflowParts['openResource'];
  #begun = 0;

  constructor(parts: WorkflowParts) {
    this.#namespace = parts.namespace;
    this.#log = parts.log;
    this.#openResource = parts.openResource;
  }

  /** The scope that surrounds the caller, open or ended; `undefined` without one or where it is suspended. */
  get surroundingScope(): TransactionScope | undefined {
    const level = this.#levelIn(this.#namespace.frame);
    return level === SUSPENDED ? undefined : level;
  }

  /**
   * Runs `work` as `definition` asks. Every failure is a rejection, never a synchronous throw. Not an async function: a
   * joined call is the most frequent one by far, and each async layer would cost it as much as all the rest.
   */
  execute<T>(definition: TransactionDefinition, work: Work<T>): Promise<T> {
    const frame = this.#namespace.frame;
    const level = this.#levelIn(frame);
    let plan: CallPlan;
    try {
      plan = planCall(definition, level);
    } catch (refusal) {
      return Promise.reject(refusal as Error);
    }
    if (plan === 'join') return join(level as TransactionScope, definition, work);
    return this.#open(plan, { definition, frame, level }, work);
  }

  /** Runs `work` as if no transaction surrounded it. */
  async suspend<T>(work: Work<T>): Promise<T> {
    return await this.#namespace.run(this.#frameWith(this.#namespace.frame, SUSPENDED), work);
  }

  /** Runs `work` with `scope` as what surrounds it. */
  runIn<T>(scope: TransactionScope, work: () => T): T {
    return this.#namespace.run(this.#frameWith(this.#namespace.frame, scope), work);
  }

  async #open<T>(plan: Exclude<CallPlan, 'join'>, call: Call, work: Work<T>): Promise<T> {
    switch (plan) {
      case 'begin':
        return await this.#begin(call, work);
      case 'savepoint':
        return await this.#savepoint(call.level as TransactionScope, call, work);
      case 'suspend':
        return await this.suspend(work);
      case 'bare':
        return await work();
    }
  }

  async #begin<T>({ definition, frame }: Call, work: Work<T>): Promise<T> {
    const transaction = new Transaction(
      `tx-${++this.#begun}`,
      definition,
      frame?.requestId,
      this.#openResource,
    );
    let result: T;
    try {
      result = await this.#namespace.run(this.#frameWith(frame, transaction.root), work);
    } catch (error) {
      if (isRollbackOn(definition, error)) await this.#rollBack(transaction, error);
      else await this.#commit(transaction);
      throw error;
    }
    await this.#commit(transaction);
    return result;
  }

  /** Resolves only when the server said COMMIT; else throws what became of the data. */
  async #commit(transaction: Transaction): Promise<void> {
    await this.#prepareCommit(transaction);
    let outcome: Outcome = 'rolled-back';
    close(transaction);
    try {
      const answer = await transaction.resource.commit();
      outcome = answer.outcome;
      if (answer.outcome !== 'committed') throw this.#reported(commitError(transaction, answer), transaction);
    } finally {
      await this.#end(transaction, outcome);
    }
  }

  /** The last moment at which the transaction can still send statements, and be rolled back instead. */
  async #prepareCommit(transaction: Transaction): Promise<void> {
    try {
      await this.runIn(transaction.root, () => transaction.resource.announce('before-commit'));
      const mark = transaction.root.rollbackMark;
      if (mark !== undefined)
        throw this.#reported(new UnexpectedRollbackError(transaction.toString(), mark), transaction);
    } catch (error) {
      await this.#rollBack(transaction, error);
      throw error;
    }
  }

  /** Undoes everything. A ROLLBACK that fails must not hide `because`: it is attached to it, and logged. */
  async #rollBack(transaction: Transaction, because: unknown): Promise<void> {
    close(transaction);
    const failures = [
      await attempt(() => transaction.resource.announce('before-rollback')),
      await attempt(() => transaction.resource.rollback()),
    ];
    for (const rollbackFailure of failures.filter((failure) => failure !== undefined)) {
      if (because instanceof Error) Object.assign(because, { rollbackFailure });
      this.#log.error('rolling back met a failure', subjectOf(transaction), rollbackFailure);
    }
    await this.#end(transaction, 'rolled-back');
  }

  async #end(transaction: Transaction, outcome: Outcome): Promise<void> {
    transaction.moveTo({ kind: 'ended', outcome });
    await transaction.resource.dispose();
    if (outcome === 'unknown') return;
    const event = outcome === 'committed' ? 'after-commit' : 'after-rollback';
    const failure = await attempt(() => transaction.resource.announce(event));
    if (failure !== undefined)
      this.#log.error(`a subscriber failed ${event}`, subjectOf(transaction), failure);
  }

  async #savepoint<T>(parent: TransactionScope, { definition, frame }: Call, work: Work<T>): Promise<T> {
    const scope = new TransactionScope(parent.transaction, parent);
    await scope.transaction.resource.enterScope(scope);
    let result: T;
    try {
      result = await this.#namespace.run(this.#frameWith(frame, scope), work);
    } catch (error) {
      if (isRollbackOn(definition, error)) await undoScope(scope, error);
      else await keepScope(scope);
      throw error;
    }
    await keepScope(scope);
    return result;
  }

  #reported<E extends TransactionError>(error: E, transaction: Transaction): E {
    if (transaction.requestId !== undefined) error.requestId = transaction.requestId;
    this.#log.error(error.message, subjectOf(transaction), error.cause);
    return error;
  }

  #levelIn(frame: Frame | undefined): Level {
    return lookup(frame, this) as Level;
  }

  #frameWith(frame: Frame | undefined, level: Level): Frame {
    return bind(frame ?? rootFrame(), this, level);
  }
}

/** A joined call neither commits nor rolls back; its failure leaves the transaction it joined with no way but back. */
function join<T>(scope: TransactionScope, definition: TransactionDefinition, work: Work<T>): Promise<T> {
  const failed = (error: unknown): never => {
    if (isRollbackOn(definition, error)) {
      scope.markRollbackOnly(`${definition.label} joined it and failed (${messageOf(error)})`, error);
    }
    throw error;
  };
  return promised(work).then(undefined, failed);
}

/** What `work` returns as a promise; what it throws as a rejection. */
function promised<T>(work: Work<T>): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** @throws UnexpectedRollbackError when the savepoint's part can only be undone */
async function keepScope(scope: TransactionScope): Promise<void> {
  const mark = scope.rollbackMark;
  const failure =
    mark === undefined
      ? await attempt(() => leave(scope, 'release'))
      : new UnexpectedRollbackError(nameOf(scope), mark);
  if (failure === undefined) return;
  await undoScope(scope, failure);
  if (failure instanceof UnexpectedRollbackError) throw failure;
  const reason = `a statement in it had failed (${messageOf(scope.firstFailure ?? failure)})`;
  throw new UnexpectedRollbackError(nameOf(scope), { reason, cause: scope.firstFailure ?? failure });
}

/** A savepoint that cannot be undone either leaves the whole transaction with no way but back. */
async function undoScope(scope: TransactionScope, because: unknown): Promise<void> {
  const failure = await attempt(() => leave(scope, 'rollback'));
  if (failure === undefined) return;
  scope.parent?.markRollbackOnly(`a savepoint could not be undone (${messageOf(failure)})`, because);
}

async function leave(scope: TransactionScope, how: 'release' | 'rollback'): Promise<void> {
  scope.end();
  await scope.transaction.resource.leaveScope(scope, how);
}

async function attempt(work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error('unknown failure');
  }
}

/** Synchronous on purpose, see {@link TransactionalResource.close}. */
function close(transaction: Transaction): void {
  transaction.moveTo({ kind: 'ending' });
  transaction.resource.close();
}

function commitError(transaction: Transaction, answer: Exclude<CommitAnswer, { outcome: 'committed' }>) {
  const name = transaction.toString();
  return answer.outcome === 'unknown'
    ? new OutcomeUnknownError(name, answer.cause)
    : new UnexpectedRollbackError(name, answer);
}

function nameOf(scope: TransactionScope): string {
  return `a savepoint of ${scope.transaction.toString()}`;
}

function subjectOf(transaction: Transaction): LogSubject {
  return { transaction: transaction.toString(), requestId: transaction.requestId };
}
