import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import type { ContextNamespace } from '../context/context-namespace.js';
import { endedError } from '../transaction/call-plan.js';
import type { Clock } from '../transaction/clock.js';
import { subjectOf, type TransactionLog } from '../transaction/transaction-log.js';
import { defineTransaction, type TransactionOptions } from '../transaction/transaction-options.js';
import { TransactionWorkflow, type Work } from '../transaction/transaction-workflow.js';
import type { Transaction } from '../transaction/transaction.js';
import type { TransactionScope } from '../transaction/transaction-scope.js';
import { KeyLookups } from './compiled/key-lookups.js';
import { ConnectionLedger } from './connection-ledger.js';
import {
  enlistedManagerClass,
  type EntityManagerClass,
  type TransactionArguments,
} from './enlisted-entity-manager.js';
import type { PgModule, PgPool } from './pg-client.js';
import { preludedQueryClass } from './preluded-query.js';
import { separateRunner } from './separate-runner.js';
import { SideSession } from './side-session.js';
import type { ConnectionParts } from './transaction-connection.js';
import {
  transactionalRunnerClass,
  type PlainRunner,
  type RunnerClass,
  type RunnerOwner,
  type TransactionalQueryRunner,
} from './transactional-query-runner.js';
import { TypeOrmResource, type ResourceParts } from './typeorm-resource.js';
import { rememberKeeper } from './versions/keeper-of.js';
import { queryBuilderFactory } from './versions/tracked-select.js';
import type { BookKeeping } from './versions/version-book.js';
import { VersionKeeper } from './versions/version-keeper.js';
import type { VersionOptions } from './versions/version-policy.decorator.js';

/** What the library reads of TypeORM's PostgreSQL driver. */
interface PostgresDriver {
  readonly postgres: PgModule;
  readonly master: PgPool;
  /** e.g. `18.4`; known once the DataSource is initialised. */
  readonly version?: string;
}

/** How one data source is enlisted. */
export interface EnlistedParts {
  readonly namespace: ContextNamespace;
  readonly log: TransactionLog;
  readonly clock: Clock;
  readonly random: () => number;
  readonly isLogging: boolean;
  readonly isTracking: boolean;
  readonly begin: 'merged' | 'separate';
  readonly connectionWaitMs: number;
  readonly nestedWaitMs: number;
  readonly versions: VersionOptions;
  /** Whether what TypeORM does anew for each statement may be done once. */
  readonly fastPaths: boolean;
  /** For every transaction that does not say otherwise. */
  readonly defaults: TransactionOptions;
}

/**
 * A DataSource whose statements join the current transaction. TypeORM asks `dataSource.createQueryRunner()` at the moment
 * it executes something, whatever handle it came from, so answering there with the transaction's runner is enough. Only
 * this one instance is changed, never a prototype.
 */
export class EnlistedDataSource {
  readonly workflow: TransactionWorkflow;
  readonly versions: VersionKeeper;
  readonly #ledger: ConnectionLedger;
  readonly #connectionParts: ConnectionParts;
  readonly #log: TransactionLog;
  readonly #defaults: TransactionOptions;
  /** Whose runner it is. */
  readonly #resources = new WeakMap<QueryRunner, TypeOrmResource>();

  constructor(
    readonly dataSource: DataSource,
    parts: EnlistedParts,
  ) {
    assertPostgres(dataSource);
    this.versions = this.#keepVersions(parts);
    this.#log = parts.log;
    this.#defaults = parts.defaults;
    this.#ledger = new ConnectionLedger({ ...parts, pool: () => driverOf(dataSource).master });
    this.#connectionParts = this.#makeConnectionParts(parts);
    const openRunner = this.#runnerFactory();
    const resourceParts: ResourceParts = {
      ...this.#connectionParts,
      ...this.#scopeParts(),
      openRunner,
      versions: this.versions,
      log: parts.log,
      nestedWaitMs: parts.nestedWaitMs,
    };
    const openResource = (transaction: Transaction): TypeOrmResource => {
      const resource = new TypeOrmResource(transaction, resourceParts);
      this.#resources.set(resource.runner, resource);
      return resource;
    };
    this.workflow = new TransactionWorkflow({ ...parts, openResource });
    this.#route(parts);
  }

  /** The current transaction's manager, else the DataSource's own. */
  get entityManager(): EntityManager {
    const scope = this.workflow.surroundingScope;
    return scope === undefined ? this.dataSource.manager : this.#runnerOf(scope).manager;
  }

  /** Runs what the library itself does in a transaction, as the module's defaults say where `asked` does not. */
  execute<T>(label: string, asked: TransactionOptions, work: Work<T>): Promise<T> {
    return this.workflow.execute(defineTransaction(label, asked, this.#defaults), work);
  }

  #makeConnectionParts({ clock, begin, isTracking }: EnlistedParts): ConnectionParts {
    const { dataSource } = this;
    const { postgres } = driverOf(dataSource);
    return {
      clock,
      isTracking,
      ledger: this.#ledger,
      side: new SideSession(postgres),
      PreludedQuery:
        begin === 'merged' && canPrelude(postgres) ? preludedQueryClass(postgres.Query!) : undefined,
      hasTransactionTimeout: () => Number.parseInt(driverOf(dataSource).version ?? '0', 10) >= 17,
      logQuery: (sql, runner) => dataSource.logger.logQuery(sql, undefined, runner),
    };
  }

  #scopeParts(): Pick<ResourceParts, 'surroundingScope' | 'runIn' | 'hasStartListeners'> {
    return {
      surroundingScope: () => this.workflow.surroundingScope,
      runIn: (scope, work) => this.workflow.runIn(scope, work),
      hasStartListeners: () =>
        this.dataSource.subscribers.some(
          (each) => 'beforeTransactionStart' in each || 'afterTransactionStart' in each,
        ),
    };
  }

  #runnerFactory(): ResourceParts['openRunner'] {
    const { dataSource } = this;
    // Made only to learn its class, which TypeORM does not export; it takes no connection.
    const plain = dataSource.driver.createQueryRunner('master');
    const Runner = transactionalRunnerClass(plain.constructor as RunnerClass);
    return (owner: RunnerOwner, mode: 'master' | 'slave'): TransactionalQueryRunner => {
      const runner = new Runner(owner, dataSource.driver, mode);
      // The constructor of the manager makes it the runner's own.
      const manager = dataSource.createEntityManager(runner);
      // TypeORM's own would only say that the runner is released, and not why.
      Object.assign(manager, { query: runner.query.bind(runner) });
      return runner;
    };
  }

  #route({ fastPaths }: EnlistedParts): void {
    const { dataSource } = this;
    const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
    dataSource.createQueryRunner = (mode) => this.#currentRunner() ?? this.#separate(createQueryRunner(mode));
    const Plain = dataSource.manager.constructor as EntityManagerClass;
    const Manager = enlistedManagerClass(Plain, {
      persistence: this.versions.persistence,
      lookups: fastPaths ? new KeyLookups(this.versions) : undefined,
      route: (...call) => this.#transaction(...call),
    });
    dataSource.createEntityManager = (runner) => new Manager(dataSource, runner);
    dataSource.createQueryBuilder = queryBuilderFactory(dataSource);
    // The repositories that were made of it hold on to it.
    Object.setPrototypeOf(dataSource.manager, Manager.prototype as object);
  }

  /** `manager.transaction()`: inside a transaction a NESTED one; elsewhere it stays TypeORM's. */
  #transaction(
    manager: EntityManager,
    plain: (...all: TransactionArguments) => Promise<unknown>,
    all: TransactionArguments,
  ): Promise<unknown> {
    const runner = this.#currentRunner();
    // A manager with a runner of its own was made to stand outside.
    if (runner === undefined || (manager.queryRunner ?? runner) !== runner) return plain(...all);
    // DataSource.transaction() passes both arguments on, whether or not the second was given.
    const isolation = typeof all[0] === 'string' ? all[0] : undefined;
    const work = typeof all[0] === 'function' ? all[0] : all[1]!;
    const { readOnly } = this.workflow.surroundingScope!;
    const options = { propagation: 'NESTED', readOnly, ...(isolation && { isolation }) } as const;
    return this.workflow.execute(defineTransaction('manager.transaction()', options), () =>
      work(runner.manager),
    );
  }

  #keepVersions({ versions, fastPaths, clock, namespace }: EnlistedParts): VersionKeeper {
    const keeper = new VersionKeeper({
      dataSource: this.dataSource,
      options: versions,
      fastPaths,
      clock,
      namespace,
      running: () => this.workflow.running,
      bookKeeping: (runner) => this.#bookKeeping(runner),
      // What the caller holds was read before: to try again by itself would be in vain.
      inTransaction: (label, work) => this.execute(label, { readOnly: false, retry: false }, work),
    });
    rememberKeeper(keeper);
    return keeper;
  }

  #bookKeeping(runner: QueryRunner | undefined): BookKeeping | undefined {
    if (runner !== undefined) return this.#resources.get(runner)?.bookKeeping;
    const scope = this.workflow.surroundingScope;
    return scope === undefined ? undefined : (scope.transaction.resource as TypeOrmResource).bookKeeping;
  }

  /** @throws TransactionEndedError where the caller's transaction has ended: a plain runner would autocommit */
  #currentRunner(): QueryRunner | undefined {
    const scope = this.workflow.surroundingScope;
    if (scope === undefined) return undefined;
    if (!scope.isOpen) throw this.#refused(scope);
    return this.#runnerOf(scope);
  }

  #refused(scope: TransactionScope): Error {
    this.#log.error('refused after its end: a database operation', subjectOf(scope.transaction));
    return endedError('A database operation', scope);
  }

  /** A runner that a suspended transaction waits for must wait neither for a connection nor for a lock for ever. */
  #separate(runner: QueryRunner): QueryRunner {
    const outer = this.workflow.suspendedScope?.transaction;
    if (outer === undefined || !this.#ledger.isAnyHolding(outer)) return runner;
    return separateRunner(runner as PlainRunner, outer, this.#connectionParts);
  }

  #runnerOf(scope: TransactionScope): QueryRunner {
    return (scope.transaction.resource as TypeOrmResource).runner;
  }
}

function driverOf(dataSource: DataSource): PostgresDriver {
  return dataSource.driver as unknown as PostgresDriver;
}

/** pg-native has a Query of its own that cannot speak the protocol's single messages. */
function canPrelude({ Query }: PgModule): boolean {
  return Query !== undefined && 'prepare' in Query.prototype;
}

function assertPostgres({ options }: DataSource): void {
  if (options.type === 'postgres') return;
  throw new InvalidOptionsError(
    `A data source of type '${options.type}' cannot be enlisted: only 'postgres' is supported.`,
    'dataSources',
  );
}
