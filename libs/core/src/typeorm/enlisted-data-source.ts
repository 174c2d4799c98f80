import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import type { ContextNamespace } from '../context/context-namespace.js';
import { endedError } from '../transaction/call-plan.js';
import type { TransactionLog } from '../transaction/transaction-log.js';
import { defineTransaction, type IsolationLevel } from '../transaction/transaction-options.js';
import { TransactionWorkflow } from '../transaction/transaction-workflow.js';
import type { Transaction, TransactionScope } from '../transaction/transaction.js';
import { mergedBeginClass } from './merged-begin.js';
import type { PgQueryClass } from './pg-client.js';
import {
  transactionalRunnerClass,
  type RunnerClass,
  type RunnerOwner,
  type TransactionalQueryRunner,
} from './transactional-query-runner.js';
import { TypeOrmResource, type ResourceParts } from './typeorm-resource.js';

/** What the library reads of TypeORM's PostgreSQL driver. */
interface PostgresDriver {
  readonly postgres: { readonly Query?: PgQueryClass };
}

type TransactionArguments =
  | [work: (manager: EntityManager) => Promise<unknown>]
  | [isolation: IsolationLevel, work: (manager: EntityManager) => Promise<unknown>];

/**
 * A DataSource whose statements join the current transaction. TypeORM asks `dataSource.createQueryRunner()` at the moment
 * it executes something, whatever handle it came from, so answering there with the transaction's runner is enough. Only
 * this one instance is changed, never a prototype.
 */
export class EnlistedDataSource {
  readonly workflow: TransactionWorkflow;
  readonly #openRunner: ResourceParts['openRunner'];
  readonly #resources: ResourceParts;

  constructor(
    readonly dataSource: DataSource,
    parts: { namespace: ContextNamespace; log: TransactionLog },
  ) {
    assertPostgres(dataSource);
    this.#openRunner = this.#runnerFactory();
    this.workflow = new TransactionWorkflow({
      ...parts,
      openResource: (transaction) => this.#openResource(transaction),
    });
    this.#resources = this.#resourceParts(parts.log);
    this.#route();
  }

  /** The current transaction's manager, else the DataSource's own. */
  get entityManager(): EntityManager {
    const scope = this.workflow.surroundingScope;
    return scope === undefined ? this.dataSource.manager : this.#runnerOf(scope).manager;
  }

  #openResource(transaction: Transaction): TypeOrmResource {
    return new TypeOrmResource(transaction, this.#resources);
  }

  #resourceParts(log: TransactionLog): ResourceParts {
    const { dataSource, workflow } = this;
    const { Query } = (dataSource.driver as unknown as PostgresDriver).postgres;
    return {
      openRunner: this.#openRunner,
      surroundingScope: () => workflow.surroundingScope,
      runIn: (scope, work) => workflow.runIn(scope, work),
      hasStartListeners: () =>
        dataSource.subscribers.some(
          (each) => 'beforeTransactionStart' in each || 'afterTransactionStart' in each,
        ),
      // pg-native has a Query of its own that cannot speak the protocol's single messages.
      MergedBegin: Query !== undefined && 'prepare' in Query.prototype ? mergedBeginClass(Query) : undefined,
      logQuery: (sql, runner) => dataSource.logger.logQuery(sql, undefined, runner),
      log,
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
      dataSource.createEntityManager(runner);
      return runner;
    };
  }

  #route(): void {
    const { dataSource } = this;
    const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
    const createEntityManager = dataSource.createEntityManager.bind(dataSource);
    dataSource.createQueryRunner = (mode) => this.#currentRunner() ?? createQueryRunner(mode);
    dataSource.createEntityManager = (runner) => this.#routeManager(createEntityManager(runner));
    this.#routeManager(dataSource.manager);
  }

  /** Makes `manager.transaction()` inside a transaction a NESTED one; elsewhere it stays TypeORM's. */
  #routeManager(manager: EntityManager): EntityManager {
    const plain = manager.transaction.bind(manager) as (...all: TransactionArguments) => Promise<unknown>;
    const transaction = (...all: TransactionArguments): Promise<unknown> => {
      const runner = this.#currentRunner();
      // A manager with a runner of its own was made to stand outside.
      if (runner === undefined || (manager.queryRunner ?? runner) !== runner) return plain(...all);
      return this.#nested(runner, ...all);
    };
    return Object.assign(manager, { transaction });
  }

  #nested(runner: QueryRunner, ...all: TransactionArguments): Promise<unknown> {
    // DataSource.transaction() passes both arguments on, whether or not the second was given.
    const isolation = typeof all[0] === 'string' ? all[0] : undefined;
    const work = typeof all[0] === 'function' ? all[0] : all[1]!;
    const { readOnly } = this.workflow.surroundingScope!;
    const options = { propagation: 'NESTED', readOnly, ...(isolation && { isolation }) } as const;
    return this.workflow.execute(defineTransaction('manager.transaction()', options), () =>
      work(runner.manager),
    );
  }

  /** @throws TransactionEndedError where the caller's transaction has ended: a plain runner would autocommit */
  #currentRunner(): QueryRunner | undefined {
    const scope = this.workflow.surroundingScope;
    if (scope === undefined) return undefined;
    if (!scope.isOpen) throw endedError('A database operation', scope);
    return this.#runnerOf(scope);
  }

  #runnerOf(scope: TransactionScope): QueryRunner {
    return (scope.transaction.resource as TypeOrmResource).runner;
  }
}

function assertPostgres({ options }: DataSource): void {
  if (options.type === 'postgres') return;
  throw new InvalidOptionsError(
    `A data source of type '${options.type}' cannot be enlisted: only 'postgres' is supported.`,
    'dataSources',
  );
}
