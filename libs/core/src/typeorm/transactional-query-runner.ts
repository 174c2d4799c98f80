import type { QueryRunner } from 'typeorm';
import type { PgClient } from './pg-client.js';

/** What TypeORM's own runner does and its typings leave out. */
export interface PlainRunner extends QueryRunner {
  isTransactionActive: boolean;
  transactionDepth: number;
  readonly driver: { readonly connectedQueryRunners: unknown[] };
  connect(): Promise<PgClient>;
  releasePostgresConnection(error?: unknown): Promise<void>;
}

export type RunnerClass = new (driver: unknown, mode: 'master' | 'slave') => PlainRunner;

/** Who decides what a runner inside a transaction may do. */
export interface RunnerOwner {
  /** The guarded client; connects at first. */
  connect(): Promise<PgClient>;
  /** @throws when the transaction has ended */
  assertOpen(what: string): void;
  /** BEGIN, when nothing was sent yet. */
  ensureBegun(): Promise<void>;
  /** What the caller gets to see of a statement's failure. */
  explain(error: unknown): unknown;
  /** The pool or the server dropped the connection. */
  connectionLost(error: unknown): void;
  startByHand(): Promise<void>;
  endByHand(how: 'release' | 'rollback'): Promise<void>;
}

/** A runner of a transaction, with the plain behaviour that its owner needs. */
export interface TransactionalQueryRunner extends PlainRunner {
  plainConnect(): Promise<PgClient>;
  giveBack(error?: unknown): Promise<void>;
}

export type TransactionalRunnerClass = new (
  owner: RunnerOwner,
  driver: unknown,
  mode: 'master' | 'slave',
) => TransactionalQueryRunner;

/**
 * Makes the runner that every statement inside a transaction goes through. TypeORM believes that it created the runner
 * for one operation and that a transaction is active on it, so it neither begins, nor commits, nor keeps the connection.
 */
export function transactionalRunnerClass(Plain: RunnerClass): TransactionalRunnerClass {
  return class extends Plain implements TransactionalQueryRunner {
    readonly #owner: RunnerOwner;

    constructor(owner: RunnerOwner, driver: unknown, mode: 'master' | 'slave') {
      super(driver, mode);
      this.#owner = owner;
      // With the flag unset save() would begin and commit by itself.
      this.isTransactionActive = true;
    }

    /** `await using` of a runner inside a transaction: TypeORM would commit here. */
    override [Symbol.asyncDispose](): Promise<void> {
      return this.release();
    }

    override connect(): Promise<PgClient> {
      return this.#owner.connect();
    }

    override async query(sql: string, ...rest: unknown[]): Promise<never> {
      this.#owner.assertOpen(sql);
      try {
        return await (super.query as (...all: unknown[]) => Promise<never>)(sql, ...rest);
      } catch (error) {
        throw this.#owner.explain(error);
      }
    }

    override async stream(...query: Parameters<PlainRunner['stream']>): ReturnType<PlainRunner['stream']> {
      this.#owner.assertOpen(query[0]);
      await this.#owner.ensureBegun();
      return await super.stream(...query);
    }

    /** TypeORM releases after each operation what `createQueryRunner` gave it; the connection is the transaction's. */
    override release(): Promise<void> {
      return Promise.resolve();
    }

    override releasePostgresConnection(error?: unknown): Promise<void> {
      if (error !== undefined) this.#owner.connectionLost(error);
      return Promise.resolve();
    }

    override startTransaction(): Promise<void> {
      return this.#owner.startByHand();
    }

    override commitTransaction(): Promise<void> {
      return this.#owner.endByHand('release');
    }

    override rollbackTransaction(): Promise<void> {
      return this.#owner.endByHand('rollback');
    }

    async plainConnect(): Promise<PgClient> {
      const client = await super.connect();
      // DataSource.destroy() calls release() until this list is empty, which for this runner would be for ever.
      const connected = this.driver.connectedQueryRunners;
      connected.splice(connected.indexOf(this), 1);
      return client;
    }

    giveBack(error?: unknown): Promise<void> {
      return super.releasePostgresConnection(error);
    }
  };
}
