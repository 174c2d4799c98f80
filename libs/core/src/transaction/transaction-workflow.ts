import { Readable } from 'node:stream';
import type { ContextNamespace } from '../context/context-namespace.js';
import { bind, lookup, lookupAside, rootFrame, type Frame } from '../context/frame.js';
import { ShutdownError, TransactionError } from '../errors.js';
import { abortLimit } from './abort-limit.js';
import {
  BareBoundary,
  JoinBoundary,
  joinFailure,
  SavepointBoundary,
  type Boundary,
  type RunIn,
} from './boundary.js';
import { planCall, Suspension, type CallPlan, type Level } from './call-plan.js';
import { pause, type Clock } from './clock.js';
import { Deadline } from './deadline.js';
import { OwnedTransaction } from './owned-transaction.js';
import { RetrySchedule } from './retry-schedule.js';
import { isStreamEnd, readWithin } from './streamed-results.js';
import { timeLimit } from './time-limit.js';
import type { TransactionLog } from './transaction-log.js';
import type { TransactionDefinition } from './transaction-options.js';
import { Transaction } from './transaction.js';
import { TransactionScope } from './transaction-scope.js';
import type { TransactionalResource } from './transactional-resource.js';

/** A transactional method's body. */
export type Work<T> = () => T | PromiseLike<T>;

export interface WorkflowParts {
  readonly namespace: ContextNamespace;
  readonly log: TransactionLog;
  readonly clock: Clock;
  /** Between 0 and 1; spreads retries. */
  readonly random: () => number;
  /** Whether each transaction gets a line in the log. */
  readonly isLogging: boolean;
  /** Makes the resource of a new transaction; nothing is sent yet. */
  readonly openResource: (transaction: Transaction) => TransactionalResource;
}

/** One call and what surrounds it. */
interface Call {
  readonly definition: TransactionDefinition;
  readonly frame: Frame | undefined;
  readonly level: Level;
}

/** Which try of a call it is, and how long they may take together. */
interface Try {
  readonly attempt: number;
  readonly deadline: Deadline | undefined;
  /** `undefined` for a call that is made once. */
  readonly schedule?: RetrySchedule;
}

/** Conducts every transaction of one data source: what to do with a call, and how it ends. */
export class TransactionWorkflow {
  readonly #parts: WorkflowParts;
  readonly #namespace: ContextNamespace;
  readonly #running = new Set<Transaction>();
  #opened = 0;
  #isClosing = false;
  #whenNoneRuns: (() => void)[] = [];

  constructor(parts: WorkflowParts) {
    this.#parts = parts;
    this.#namespace = parts.namespace;
  }

  /** The scope that surrounds the caller, open or ended; `undefined` without one or where it is suspended. */
  get surroundingScope(): TransactionScope | undefined {
    const level = this.#levelIn(this.#namespace.frame);
    return level instanceof Suspension ? undefined : level;
  }

  /** How many transactions are under way. */
  get running(): number {
    return this.#running.size;
  }

  /** The scope that waits for the caller to end, where the caller runs outside of it. */
  get suspendedScope(): TransactionScope | undefined {
    const level = this.#levelIn(this.#namespace.frame);
    return level instanceof Suspension ? level.scope : undefined;
  }

  /**
   * The scope that a call joins for which {@link joinsFreely} holds; `undefined` when it takes a closer look.
   *
   * @param owner - whose frame it must be
   */
  scopeToJoin(definition: TransactionDefinition, owner: unknown): TransactionScope | undefined {
    const { frame } = this.#namespace;
    if (frame?.owner !== owner) return undefined;
    const level = lookup(frame, this);
    const isJoinable =
      level instanceof TransactionScope && level.isOpen && (definition.readOnly || !level.readOnly);
    return isJoinable ? level : undefined;
  }

  /**
   * Runs `work` as `definition` asks. Every failure is a rejection, never a synchronous throw. Not an async function: a
   * joined call is the most frequent one by far, and each async layer would cost it as much as all the rest.
   */
  execute<T>(definition: TransactionDefinition, work: Work<T>): Promise<T> {
    const frame = this.#namespace.frame;
    const level = this.#levelIn(frame);
    try {
      const plan = planCall(definition, level);
      const call = { definition, frame, level };
      if (plan === 'begin') return this.#begin(call, work);
      if (definition.asked.timeoutMs !== undefined) return this.#limited(plan, call, work);
      if (plan === 'join') return join(level as TransactionScope, definition, work);
      return settle(this.#openBoundary(plan, call), work);
    } catch (refusal) {
      if (refusal instanceof TransactionError && frame?.requestId !== undefined)
        refusal.requestId = frame.requestId;
      return Promise.reject(refusal as Error);
    }
  }

  /** Runs `work` with `scope` as what surrounds it. */
  runIn<R>(scope: TransactionScope, work: () => R): R {
    return this.#within(this.#namespace.frame, scope)(work);
  }

  /** Refuses new transactions, waits for the running ones, and after `graceMs` rolls back those that still run. */
  async shutDown(graceMs: number): Promise<void> {
    this.#isClosing = true;
    // A stream that nobody ever asked for anything holds nothing, and may never end.
    for (const each of this.#running) if (each.isStreaming && !each.hasBegun) this.#running.delete(each);
    if (this.#running.size === 0) return;
    const callOff = this.#parts.clock.after(graceMs, () => {
      for (const transaction of this.#running) {
        transaction.interrupt(
          transaction.identified(new ShutdownError(transaction.toString(), 'rolled-back')),
        );
        if (transaction.hasResource) void transaction.resource.dispose();
      }
      this.#noneRuns();
    });
    await new Promise<void>((resolve) => this.#whenNoneRuns.push(resolve));
    callOff();
  }

  #openBoundary(plan: Exclude<CallPlan, 'begin'>, { definition, frame, level }: Call): Boundary {
    const surrounding = level as TransactionScope;
    switch (plan) {
      case 'join':
        return new JoinBoundary(surrounding, definition);
      case 'savepoint': {
        const scope = new TransactionScope(surrounding.transaction, surrounding);
        return new SavepointBoundary(scope, definition, this.#within(frame, scope));
      }
      case 'suspend':
        return new BareBoundary(this.#within(frame, new Suspension(surrounding)));
      case 'bare':
        return new BareBoundary((work) => work());
    }
  }

  /** A call inside a transaction with a limit of its own, which starts at once and interrupts the whole transaction. */
  async #limited<T>(plan: Exclude<CallPlan, 'begin'>, call: Call, work: Work<T>): Promise<T> {
    const { transaction } = call.level as TransactionScope;
    const deadline = this.#deadlineFor(call.definition.asked)!;
    deadline.start();
    try {
      const boundary = this.#openBoundary(plan, call);
      return await settle(boundary, () => Promise.race([promised(work), timeLimit(transaction, deadline)]));
    } finally {
      deadline.stop();
    }
  }

  async #begin<T>(call: Call, work: Work<T>): Promise<T> {
    const { retry, isProvisional } = call.definition;
    const deadline = this.#deadlineFor(call.definition);
    if (retry === undefined && !isProvisional)
      return await settleOwned(this.#own(call, { attempt: 1, deadline }), work);
    const schedule = new RetrySchedule(deadline, this.#parts.random);
    for (let attempt = 1; ; attempt++) {
      const owned = this.#own(call, { attempt, deadline, schedule });
      try {
        return await settleOwned(owned, work);
      } catch (error) {
        const pauseMs = schedule.pauseAfter(owned.transaction, error);
        if (pauseMs > 0) await pause(this.#parts.clock, pauseMs);
      }
    }
  }

  /** @throws ShutdownError when the application is shutting down */
  #own({ definition, frame, level }: Call, { attempt, deadline, schedule }: Try): OwnedTransaction {
    const { log, clock, isLogging, openResource } = this.#parts;
    const id = `tx-${++this.#opened}`;
    if (this.#isClosing) throw new ShutdownError(`${id} (${definition.label})`, 'not-started');
    const suspended = level instanceof Suspension ? level.scope : level;
    const requestId = frame?.requestId;
    const transaction = new Transaction(
      {
        id,
        definition,
        requestId,
        suspended,
        clock,
        attempt,
        conflicts: schedule?.conflicts ?? [],
        deadline,
      },
      openResource,
    );
    this.#running.add(transaction);
    const { limit, leave } = limitOf(transaction, deadline);
    // Heard where somebody waits; a stream that is handed out meets the limit at its next statement.
    limit?.catch(() => undefined);
    const onEnd = (): void => {
      leave?.();
      this.#running.delete(transaction);
      if (this.#running.size === 0) this.#noneRuns();
    };
    return new OwnedTransaction(transaction, {
      runInside: this.#within(frame, transaction.root),
      // What comes after the end must not fall into the surrounding transaction, which may still be rolled back.
      runOutside: this.#within(frame, level instanceof TransactionScope ? new Suspension(level) : level),
      log,
      isLogging,
      limit,
      willRetry: (error) => schedule?.willRetry(transaction, error) ?? false,
      onEnd,
    });
  }

  #deadlineFor({ timeoutMs }: { readonly timeoutMs?: number | undefined }): Deadline | undefined {
    return timeoutMs === undefined ? undefined : new Deadline(timeoutMs, this.#parts.clock);
  }

  #noneRuns(): void {
    this.#whenNoneRuns.splice(0).forEach((resume) => resume());
  }

  #levelIn(frame: Frame | undefined): Level {
    const level = lookup(frame, this) as Level;
    if (level !== undefined || frame?.setAside === undefined) return level;
    const aside = lookupAside(frame, this);
    return aside instanceof TransactionScope && aside.isOpen ? new Suspension(aside) : undefined;
  }

  #within(frame: Frame | undefined, level: Level): RunIn {
    const inner = bind(frame ?? rootFrame(), this, level);
    return (work) => this.#namespace.run(inner, work);
  }
}

/** Rejects when nobody wants the result any more: its time is over, or who asked for it is gone. */
function limitOf(
  transaction: Transaction,
  deadline: Deadline | undefined,
): { readonly limit: Promise<never> | undefined; readonly leave?: () => void } {
  const { signal } = transaction.definition;
  const time = deadline && timeLimit(transaction, deadline);
  if (signal === undefined) return { limit: time };
  const { limit, leave } = abortLimit(transaction, signal);
  return { limit: time === undefined ? limit : Promise.race([time, limit]), leave };
}

/** The commonest call of all, in the fewest steps; {@link JoinBoundary} is its general form. */
function join<T>(scope: TransactionScope, definition: TransactionDefinition, work: Work<T>): Promise<T> {
  return promised(work).then(undefined, joinFailure(scope, definition));
}

/** What `work` returns as a promise; what it throws as a rejection. */
function promised<T>(work: Work<T>): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** Runs `work` within `boundary` and closes it. */
async function settle<T>(boundary: Boundary, work: Work<T>): Promise<T> {
  let result: T;
  try {
    result = await boundary.run(work);
  } catch (error) {
    throw await boundary.fail(error);
  }
  // The transaction lasts until the stream does; the caller gets it at once.
  if (result instanceof Readable) return readWithin(boundary, result) as T;
  await boundary.complete(result);
  return result;
}

function settleOwned<T>(owned: OwnedTransaction, work: Work<T>): Promise<T> {
  const { transaction } = owned;
  return settle(owned, () =>
    owned.limited(() => {
      // Who asked for it may have gone while it waited to be tried again.
      if (transaction.interruption !== undefined) throw transaction.interruption;
      const result = work();
      if (isStreamEnd(result)) transaction.stream();
      return result;
    }),
  );
}
