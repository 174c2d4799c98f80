import type { EntityManager } from 'typeorm';
import type { ContextNamespace } from '../context/context-namespace.js';
import { rootFrame, withOwner } from '../context/frame.js';
import { InvalidOptionsError } from '../errors.js';
import { joinsFreely } from '../transaction/call-plan.js';
import { checkTransactionOptions } from '../transaction/check-options.js';
import {
  defineRequestTransaction,
  defineTransaction,
  inheritOptions,
  type RequestDemands,
  type TransactionDefinition,
  type TransactionOptions,
} from '../transaction/transaction-options.js';
import type { ScopeSource } from '../transaction/hook-registration.js';
import type { TransactionScope } from '../transaction/transaction-scope.js';
import type { TransactionStatus } from '../transaction/transaction-status.js';
import type { Work } from '../transaction/transaction-workflow.js';
import type { EnlistedDataSource } from './enlisted-data-source.js';

/** Names the request that everything inside belongs to. */
export interface RequestContext {
  /** Stands in `current`, in errors and in log lines. @defaultValue the surrounding context's, if any */
  readonly requestId?: string;
}

/** What is run with the manager of the current transaction. */
export type ManagedWork<T> = (entityManager: EntityManager) => T | PromiseLike<T>;

/** @internal What one manager has decided about a decorated method. */
export interface MethodPlan {
  readonly definition: TransactionDefinition;
  readonly joinsFreely: boolean;
}

/** @internal */
export interface ManagerParts {
  readonly namespace: ContextNamespace;
  /** By the name that options use; the first is the default one. */
  readonly dataSources: ReadonlyMap<string, EnlistedDataSource>;
  readonly defaults: TransactionOptions;
}

/**
 * The way to transactions for code that is not a decorated method. In Nest, inject it; elsewhere {@link enlist} makes it.
 *
 * @example
 * ```ts
 * await transactionManager.run(async (em) => {
 *   await em.insert(Invoice, { number: 1 });
 *   await payments.charge(1); // joins
 * });
 * ```
 */
export class TransactionManager implements ScopeSource {
  readonly #namespace: ContextNamespace;
  readonly #dataSources: ReadonlyMap<string, EnlistedDataSource>;
  readonly #defaults: TransactionOptions;
  #default: EnlistedDataSource | undefined;
  readonly #plans = new WeakMap<TransactionOptions, MethodPlan>();

  /** @internal Made by `TransactionalModule` and by `enlist`. */
  constructor(parts: ManagerParts) {
    this.#namespace = parts.namespace;
    this.#dataSources = parts.dataSources;
    this.#defaults = parts.defaults;
  }

  /**
   * Runs `work` in a transaction: joins the surrounding one, else begins, commits when `work` resolves and rolls back
   * when it rejects. No connection is taken before the first statement.
   *
   * @returns what `work` returns, after COMMIT where it began the transaction
   * @throws UnexpectedRollbackError when `work` resolved but the transaction could only be rolled back
   * @throws OutcomeUnknownError when the connection was lost during COMMIT
   * @throws InvalidOptionsError for an unknown option, before anything is done
   */
  run<T>(work: ManagedWork<T>): Promise<T>;
  run<T>(options: TransactionOptions, work: ManagedWork<T>): Promise<T>;
  async run<T>(...all: [ManagedWork<T>] | [TransactionOptions, ManagedWork<T>]): Promise<T> {
    const [options, work] = typeof all[0] === 'function' ? [{}, all[0]] : [all[0], all[1]];
    checkTransactionOptions('TransactionManager.run', options);
    if (typeof work !== 'function') {
      throw new InvalidOptionsError(
        'TransactionManager.run takes a function, after the options if any.',
        'work',
      );
    }
    const definition = defineTransaction('TransactionManager.run', options, this.#defaults);
    return await this.#execute(definition, () => work(this.entityManager(options.dataSource)));
  }

  /** The current transaction of the default data source; `undefined` outside of any. */
  get current(): TransactionStatus | undefined {
    const scope = this.surroundingScope();
    return scope?.isOpen ? scope : undefined;
  }

  /** The id of the request that the caller belongs to, inside and outside of transactions. */
  get requestId(): string | undefined {
    return this.#namespace.frame?.requestId;
  }

  /**
   * The current transaction's EntityManager, else the DataSource's own.
   *
   * @param dataSource - a data source's name. @defaultValue the first enlisted one
   * @throws InvalidOptionsError when no data source of that name is enlisted
   */
  entityManager(dataSource?: string): EntityManager {
    return this.#dataSource(dataSource ?? this.#defaults.dataSource).entityManager;
  }

  /**
   * Opens a context as the request interceptor does, for transports it does not cover. A transaction that surrounds the
   * caller goes on inside.
   *
   * @returns what `work` returns
   */
  withContext<T>(work: () => T, context: RequestContext = {}): T {
    return this.#namespace.run(
      withOwner(this.#namespace.frame ?? rootFrame(), this, context.requestId),
      work,
    );
  }

  /**
   * Refuses new transactions (`ShutdownError`) and waits for those that run. What still runs after `graceMs` is rolled
   * back; its callers get a `ShutdownError`, too.
   *
   * @param graceMs - how long to wait, in milliseconds. @defaultValue `10000`
   */
  async shutDown(graceMs = 10_000): Promise<void> {
    await Promise.all([...this.#dataSources.values()].map(({ workflow }) => workflow.shutDown(graceMs)));
  }

  /** @internal The scope that surrounds the caller, open or ended. */
  surroundingScope(dataSource = this.#defaults.dataSource): TransactionScope | undefined {
    return this.#dataSource(dataSource).workflow.surroundingScope;
  }

  /** @internal @throws InvalidOptionsError when a decorated method's options cannot work in this application */
  checkMethod(label: string, options: TransactionOptions): void {
    const where = `@Transactional() on ${label}`;
    const { propagation } = inheritOptions(this.#defaults, options);
    checkTransactionOptions(where, { ...options, ...(propagation && { propagation }) });
    const { dataSource } = options;
    if (dataSource !== undefined && !this.#dataSources.has(dataSource)) {
      throw this.#unknownDataSource(where, dataSource);
    }
  }

  /** @internal Keeps the caller's context for a stream that outlives the call. */
  keepContext(): <R>(work: () => R) => R {
    const { frame } = this.#namespace;
    return frame === undefined ? (work) => work() : (work) => this.#namespace.run(frame, work);
  }

  /** @internal Decides once what every call of a decorated method asks for. */
  planMethod(label: string, options: TransactionOptions): MethodPlan {
    let plan = this.#plans.get(options);
    if (plan === undefined) {
      const definition = defineTransaction(label, options, this.#defaults);
      plan = { definition, joinsFreely: joinsFreely(definition) };
      this.#plans.set(options, plan);
    }
    return plan;
  }

  /** @internal The scope that a call of the method can join at once; `undefined` when it takes a closer look. */
  scopeToJoin({ definition, joinsFreely }: MethodPlan): TransactionScope | undefined {
    if (!joinsFreely) return undefined;
    const { dataSource } = definition;
    const enlisted = dataSource === undefined ? this.#dataSource() : this.#dataSources.get(dataSource);
    return enlisted?.workflow.scopeToJoin(definition, this);
  }

  /**
   * @internal Runs what a request does: in the transaction that is open already, else in a new one, about which the methods that
   * join it first decide as if they had begun it.
   */
  runRequest<T>(label: string, demands: RequestDemands, work: Work<T>): Promise<T> {
    return this.#execute(defineRequestTransaction(label, demands, this.#defaults), work);
  }

  /** @internal Runs a decorated method. */
  intercept<T>({ definition }: MethodPlan, work: Work<T>): Promise<T> {
    try {
      return this.#execute(definition, work);
    } catch (unknownDataSource) {
      return Promise.reject(unknownDataSource as Error);
    }
  }

  #execute<T>(definition: TransactionDefinition, work: Work<T>): Promise<T> {
    const { workflow } = this.#dataSource(definition.dataSource);
    if (this.#namespace.frame?.owner === this) return workflow.execute(definition, work);
    return this.withContext(() => workflow.execute(definition, work));
  }

  #dataSource(name?: string): EnlistedDataSource {
    if (name === undefined) return (this.#default ??= [...this.#dataSources.values()][0]!);
    const found = this.#dataSources.get(name);
    if (found !== undefined) return found;
    throw this.#unknownDataSource('dataSource', name);
  }

  #unknownDataSource(where: string, name: string): InvalidOptionsError {
    const known = [...this.#dataSources.keys()].map((each) => `'${each}'`).join(', ');
    return new InvalidOptionsError(
      `${where}: no data source '${name}' is enlisted; enlisted are: ${known}. Name it in ` +
        `TransactionalModule.forRoot({ dataSources }).`,
      'dataSource',
    );
  }
}
