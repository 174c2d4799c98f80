import { HttpException, NotFoundException } from '@nestjs/common';
import {
  afterCommit,
  expectAbsence,
  expectVersion,
  OptimisticLockError,
  outsideTransaction,
  TransactionError,
  trackVersion,
  type Version,
} from '@nest-transactional/core';
import type { EntityManager, ObjectLiteral } from 'typeorm';
import { PreconditionFailedError, PreconditionRequiredError, RequestError } from '../errors.js';
import { loweringOf, namesState, ofVersions, type Lowering } from '../resource/lowering.js';
import { isUnanswered } from '../resource/unanswered.js';
import { tagOfVersion } from '../resource/version-tags.js';
import type { RowState } from '../resource/versioned-row.js';
import { evaluatePreconditions, hasWritePrecondition } from '../rfc/preconditions.js';
import { aheadOfBegin } from './ahead-of-begin.js';
import { failedHeader } from './failed-header.js';
import { isSuccess, type VersionedCall } from './versioned-read.js';

export interface VersionedWriteCall extends VersionedCall {
  /** Whether a request without precondition is refused. */
  readonly isRequired: boolean;
  /** That of the request; `undefined` outside of it. */
  readonly transaction: () => RequestTransaction | undefined;
}

interface RequestTransaction {
  /** Whether it has sent anything. */
  readonly hasBegun: boolean;
  readonly deadline: { start(): void } | undefined;
}

/** Runs `work` in the request's transaction; what that fails with, `explain` may turn into another error. */
type RunInTransaction = (
  work: () => Promise<unknown>,
  explain: (failure: unknown) => Promise<unknown>,
) => Promise<unknown>;

type KnownVersion = () => Version | null | undefined;

/** A request that may change a versioned resource. Its preconditions hold when the row is written, not only before. */
export class VersionedWrite {
  readonly #id: ObjectLiteral | undefined;
  readonly #lowering: Lowering;

  constructor(
    private readonly call: VersionedWriteCall,
    private readonly entityManager: () => EntityManager,
  ) {
    const { exchange, rows } = call;
    this.#id = rows.idMap(exchange.id);
    this.#lowering = loweringOf(exchange.preconditions);
  }

  async answer(handle: () => Promise<unknown>, runInTransaction: RunInTransaction): Promise<unknown> {
    await this.#assertConditioned();
    return await runInTransaction(
      async () => {
        // A further try may come to another end than the one before it.
        this.call.exchange.takeBack();
        const known = await this.#lower();
        const result = await handle();
        this.#assertConditionable();
        if (isSuccess(this.call.exchange.response.status)) this.#show(result, known);
        return result;
      },
      (failure) => this.#explain(failure),
    );
  }

  /** @throws PreconditionRequiredError, or NotFoundException where nothing is there that could be conditioned */
  async #assertConditioned(): Promise<void> {
    const { isRequired, exchange, rows } = this.call;
    if (!isRequired || hasWritePrecondition(exchange.preconditions)) return;
    // The handler says what is wrong with a key that no row can have; without a key there is nothing to condition.
    const mayHaveRow = this.#id !== undefined || (exchange.id === undefined && exchange.method === 'PUT');
    if (!mayHaveRow) return;
    const id = this.#id;
    const state = id && (await aheadOfBegin(() => rows.read(this.entityManager(), id)));
    if (state === undefined && exchange.method !== 'PUT')
      throw new NotFoundException(`There is no such ${rows.name}.`);
    throw new PreconditionRequiredError(rows.name);
  }

  /**
   * A handler may take for a key what no row can have, e.g. `7.0` for 7. What it wrote then was written under no condition.
   *
   * @throws PreconditionFailedError, PreconditionRequiredError
   */
  #assertConditionable(): void {
    const { exchange, rows, isRequired } = this.call;
    if (this.#id !== undefined || exchange.id === undefined || exchange.response.status >= 400) return;
    if (this.#lowering.kind !== 'free')
      throw new PreconditionFailedError(failedHeader(exchange.preconditions), { entity: rows.name });
    if (isRequired) throw new PreconditionRequiredError(rows.name);
  }

  /** Makes the conditions hold for whatever the transaction writes; tells the version that it leaves. */
  async #lower(): Promise<KnownVersion> {
    const { rows } = this.call;
    if (this.#id === undefined) return this.#lowerWithoutRow();
    if (this.#lowering.kind === 'free') return rows.isOwn ? this.#track(this.#id) : untold;
    if (this.#lowering.kind === 'expect' && rows.isOwn) return this.#expect(this.#id, this.#lowering.version);
    const state = await this.#findUnlessAbsent(this.#id);
    return state?.isDeleted === false ? this.#lowerToRow(state) : this.#lowerToNone(this.#id, state);
  }

  /** @throws PreconditionFailedError for a condition on a representation that cannot be there */
  #lowerWithoutRow(): KnownVersion {
    const { exchange, rows } = this.call;
    const { ifMatch } = exchange.preconditions;
    if (ifMatch === undefined || exchange.id !== undefined) return untold;
    throw new PreconditionFailedError('If-Match', { entity: rows.name });
  }

  /** @throws PreconditionFailedError when a condition is false already */
  #lowerToRow(state: RowState): KnownVersion {
    this.#assertHolds(state);
    return namesState(this.call.exchange.preconditions)
      ? this.#expect(state.id, this.#lowering.kind === 'expect' ? this.#lowering.version : state.version)
      : this.#track(state.id);
  }

  /**
   * Of a row that is not there, or was deleted softly. The first write must not meet one that came meanwhile, nor the end, if
   * nothing was written.
   *
   * @throws PreconditionFailedError when a condition is false already
   */
  #lowerToNone(id: ObjectLiteral, deleted: RowState | undefined): KnownVersion {
    this.#assertHolds(undefined);
    const { exchange, rows } = this.call;
    if (!rows.isOwn) return untold;
    if (exchange.preconditions.ifNoneMatch !== '*') return this.#track(id);
    if (deleted !== undefined) return this.#expect(id, deleted.version);
    expectAbsence(rows.carrier, id, this.#registration);
    return this.#track(id);
  }

  #expect(id: ObjectLiteral, version: Version): KnownVersion {
    expectVersion(this.call.rows.carrier, id, version, this.#registration);
    return this.#track(id);
  }

  #track(id: ObjectLiteral): KnownVersion {
    return trackVersion(this.call.rows.carrier, id, this.#registration);
  }

  get #registration(): { readonly dataSource?: string } {
    const { dataSource } = this.call.options;
    return dataSource === undefined ? {} : { dataSource };
  }

  /**
   * Says what the response is about. What the content shows counts: a newer tag would let a client take it for the present
   * state.
   */
  #show(result: unknown, known: KnownVersion): void {
    const { rows, exchange } = this.call;
    const shown = rows.shownBy(result, this.#id);
    // RFC 9110 §9.3.4: without the content, nobody could tell what the tag of a response to PUT is about.
    if (exchange.method === 'PUT' && shown === undefined && rows.isOwn) return;
    const isContent = shown !== undefined && (exchange.method === 'PUT' || exchange.method === 'PATCH');
    if (isContent && rows.isOwn && this.#id !== undefined) exchange.showLocation();
    if (shown !== undefined) return exchange.showVersion(shown);
    if (exchange.method === 'DELETE' && rows.isSoftDeleted) return;
    const now = known();
    if (isVersion(now)) return exchange.showVersion({ version: now, lastModified: undefined });
    if (now === undefined) afterCommit(() => this.#showKnown(known), this.#registration);
  }

  /** Of a root whose version was raised without being read, only the database knows it before COMMIT. */
  #showKnown(known: KnownVersion): void {
    const version = known();
    if (isVersion(version)) this.call.exchange.showVersion({ version, lastModified: undefined });
  }

  /**
   * The conditions come before whatever else is wrong with the request: what would have been refused with 412 must not be
   * answered with an error of the content's. So they are evaluated again when the handler failed, and only then.
   *
   * @see RFC 9110 §13.2.1
   */
  async #explain(failure: unknown): Promise<unknown> {
    const { exchange, rows } = this.call;
    exchange.takeBack();
    if (this.#id === undefined || this.#lowering.kind === 'free' || isFinal(failure)) return failure;
    const refused = refusedPrecondition(failure, rows.name);
    if (refused !== undefined) return await this.#refusal(refused);
    if (statusOf(failure) === 404 && exchange.method !== 'PUT') return failure;
    try {
      this.#assertHolds(await this.#readUnlessAbsent(this.#id), failure);
      return failure;
    } catch (verdict) {
      // A database that does not answer leaves the first failure as it is.
      return statusOf(verdict) === undefined ? failure : verdict;
    }
  }

  /** Tells, where that can be found out, the version that the client should have seen. */
  async #refusal(conflict: OptimisticLockError): Promise<PreconditionFailedError> {
    const { exchange, rows } = this.call;
    const state = await rows.read(this.entityManager(), this.#id!).catch(() => undefined);
    const current = state?.version ?? conflict.actual;
    const facts = { entity: rows.name, current, cause: conflict };
    return new PreconditionFailedError(failedHeader(exchange.preconditions), facts);
  }

  /** @throws PreconditionFailedError when a condition is false of what is there */
  #assertHolds(state: RowState | undefined, cause?: unknown): void {
    const { exchange, rows } = this.call;
    const { preconditions, method } = exchange;
    const current = state && { entityTag: tagOfVersion(state.version), lastModified: state.lastModified };
    if (evaluatePreconditions(method, ofVersions(preconditions), current) !== 'failed') return;
    const facts = { entity: rows.name, current: state?.version ?? null, cause };
    throw new PreconditionFailedError(failedHeader(preconditions), facts);
  }

  async #readUnlessAbsent(id: ObjectLiteral): Promise<RowState | undefined> {
    const state = await this.#findUnlessAbsent(id);
    return state?.isDeleted ? undefined : state;
  }

  /**
   * The first statement of a transaction ends the time in which a service may say at which isolation level it runs.
   *
   * @throws NotFoundException where the request would be a 404 without its conditions, too: then they do not count
   */
  async #findUnlessAbsent(id: ObjectLiteral): Promise<RowState | undefined> {
    const { exchange, rows } = this.call;
    const transaction = this.call.transaction();
    const find = (): Promise<RowState | undefined> => rows.find(this.entityManager(), id);
    // What is read ahead of the transaction is on its time.
    transaction?.deadline?.start();
    const state = await (transaction?.hasBegun ? find() : aheadOfBegin(() => outsideTransaction(find)));
    const isMeantToBeThere = exchange.preconditions.ifMatch !== undefined || !rows.isOwn;
    const isThere = state?.isDeleted === false;
    if (!isThere && isMeantToBeThere && exchange.method !== 'PUT')
      throw new NotFoundException(`There is no such ${rows.name}.`);
    return state;
  }
}

const untold: KnownVersion = () => undefined;

function isVersion(version: Version | null | undefined): version is Version {
  return version !== undefined && version !== null;
}

/** Nobody may have done what was asked for, or it is known already who refuses it, or nobody can be asked. */
function isFinal(failure: unknown): boolean {
  if (isUnanswered(failure)) return true;
  if (failure instanceof TransactionError && ['committed', 'unknown'].includes(failure.outcome)) return true;
  return [401, 403, 412, 428].includes(statusOf(failure) ?? 0);
}

function statusOf(failure: unknown): number | undefined {
  if (failure instanceof HttpException) return failure.getStatus();
  return failure instanceof RequestError ? failure.status : undefined;
}

/** The refusal of a version that the transaction was told to expect of `entity`. */
function refusedPrecondition(failure: unknown, entity: string): OptimisticLockError | undefined {
  let cause = failure;
  // A chain of causes may close on itself.
  for (let depth = 0; depth < LONGEST_CHAIN && cause instanceof Error; depth++) {
    if (cause instanceof OptimisticLockError && !cause.retryable && cause.entity === entity) return cause;
    cause = cause.cause;
  }
  return undefined;
}

const LONGEST_CHAIN = 16;
