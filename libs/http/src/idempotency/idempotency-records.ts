import { Injectable } from '@nestjs/common';
import { InvalidOptionsError, TransactionManager } from '@nest-transactional/core';
import type { DataSource } from 'typeorm';
import { IdempotencyKeyInUseError } from '../errors.js';
import { IdempotencyRecord } from './idempotency-record.js';
import type { IdempotentRequest } from './idempotent-request.js';
import { recordStatements, type RecordStatements } from './record-statements.js';

/** What is kept of a response. */
export type StoredResponse = Pick<IdempotencyRecord, 'status' | 'headers' | 'body'>;

/** What is known of a key when its request comes in. */
export type LookUp =
  | ({ readonly isStored: true; readonly fingerprint: string } & StoredResponse)
  | { readonly isStored: false; readonly isFree: boolean };

/** Where, and for how long, a response is kept. */
export interface Storage {
  readonly ttlMs: number;
  readonly dataSource?: string | undefined;
}

/** What `deleteExpired()` takes; everything may be left out. */
export interface DeleteExpiredOptions {
  /** How many are deleted by one statement. @defaultValue `1000` */
  readonly batchSize?: number;
  /** The data source that the records are in. @defaultValue the default one */
  readonly dataSource?: string;
}

/** Another transaction has stored a response under the key since it was looked for. */
export class KeyTakenError extends IdempotencyKeyInUseError {}

/**
 * What `@Idempotent()` has stored. Inject it to delete what has expired, from a job that runs now and then.
 *
 * @example
 * ```ts
 * @Injectable()
 * export class Housekeeping {
 *   constructor(private readonly records: IdempotencyRecords) {}
 *
 *   async run(): Promise<void> {
 *     await this.records.deleteExpired();
 *   }
 * }
 * ```
 */
@Injectable()
export class IdempotencyRecords {
  readonly #statements = new WeakMap<DataSource, RecordStatements>();

  constructor(private readonly manager: TransactionManager) {}

  /**
   * Deletes expired records, batch by batch, until none is left. Rows that somebody has locked are left for the next time, so several
   * instances may do it at once. An expired record does no harm: its key is as good as new.
   *
   * @returns how many were deleted
   * @throws InvalidOptionsError when the data source does not have the entity, or for a batch of nothing
   */
  async deleteExpired({ batchSize = 1000, dataSource }: DeleteExpiredOptions = {}): Promise<number> {
    if (!Number.isSafeInteger(batchSize) || batchSize < 1)
      throw new InvalidOptionsError(
        'deleteExpired(): batchSize must be a whole number, 1 or more.',
        'batchSize',
      );
    const manager = this.manager.entityManager(dataSource);
    const { deleteExpired } = this.#statementsOf(manager.connection);
    let total = 0;
    for (;;) {
      const [{ count }] = await manager.query<[{ count: number }]>(deleteExpired, [batchSize]);
      total += count;
      if (count < batchSize) return total;
    }
  }

  /** @internal Looks for a record, and takes the key's lock until the end of the transaction when there is none. */
  async lookUp({ id, lock }: IdempotentRequest, { dataSource }: Storage): Promise<LookUp> {
    const manager = this.manager.entityManager(dataSource);
    const { lookUp } = this.#statementsOf(manager.connection);
    const [found] = await manager.query<[LookUp]>(lookUp, [id, lock]);
    return found;
  }

  /** @internal @throws KeyTakenError when there is a record already */
  async store(
    request: IdempotentRequest,
    response: StoredResponse,
    { ttlMs, dataSource }: Storage,
  ): Promise<void> {
    const manager = this.manager.entityManager(dataSource);
    const { store } = this.#statementsOf(manager.connection);
    const { status, headers, body } = response;
    const values = [request.id, request.fingerprint, status, JSON.stringify(headers), body, ttlMs];
    const stored = await manager.query<unknown[]>(store, values).catch(takenElsewhere);
    if (stored.length === 0) throw new KeyTakenError();
  }

  /** @internal @throws InvalidOptionsError */
  checkDataSource(where: string, dataSource: string | undefined): void {
    if (this.manager.entityManager(dataSource).connection.hasMetadata(IdempotencyRecord)) return;
    throw new InvalidOptionsError(
      `${where}: the data source '${dataSource ?? 'default'}' does not have the entity IdempotencyRecord. List it in entities, ` +
        `and create its table with a migration.`,
      'dataSource',
    );
  }

  #statementsOf(dataSource: DataSource): RecordStatements {
    let statements = this.#statements.get(dataSource);
    if (statements === undefined) {
      statements = recordStatements(dataSource);
      this.#statements.set(dataSource, statements);
    }
    return statements;
  }
}

/** With a stronger isolation than READ COMMITTED, the record of a faster transaction is a serialization failure. */
function takenElsewhere(error: unknown): never {
  throw (error as { code?: unknown }).code === '40001'
    ? Object.assign(new KeyTakenError(), { cause: error })
    : error;
}
