import type { DataSource } from 'typeorm';
import { asyncLocalStorageNamespace } from '../context/async-local-storage-namespace.js';
import type { ContextNamespace } from '../context/context-namespace.js';
import {
  anObject,
  checkOptions,
  checkTransactionOptions,
  type Schema,
} from '../transaction/check-options.js';
import { consoleLog, type TransactionLog } from '../transaction/transaction-log.js';
import type { TransactionOptions } from '../transaction/transaction-options.js';
import { EnlistedDataSource } from './enlisted-data-source.js';
import { TransactionManager } from './transaction-manager.js';

/** How transactions of the enlisted data sources behave. */
export interface EnlistOptions {
  /** For every transaction that does not say otherwise. @defaultValue `{}` */
  readonly defaults?: TransactionOptions;
  /** Carries the current transaction along the call tree. @defaultValue `asyncLocalStorageNamespace()` */
  readonly namespace?: ContextNamespace;
  /** Where refused late statements, failed rollbacks and the like are reported. @defaultValue standard error */
  readonly log?: TransactionLog;
}

export const aNamespace = anObject('a namespace, such as asyncLocalStorageNamespace()', 'run');

const ENLIST_OPTIONS: Schema<EnlistOptions> = {
  defaults: anObject('an object of transaction options'),
  namespace: aNamespace,
  log: anObject('an object with a method error()', 'error'),
};

// On the DataSource itself, so that the ESM and the CommonJS copy of this package enlist it once between them.
const ENLISTED = Symbol.for('nest-transactional.enlisted');

interface Enlistment {
  readonly enlisted: EnlistedDataSource;
  readonly manager: TransactionManager;
}

/**
 * Makes every statement of `dataSource` join the current transaction, for scripts, workers and tests without Nest. A
 * second call for the same DataSource returns the same manager (in a Nest application, the application's).
 *
 * @throws InvalidOptionsError for an unknown option or a data source that is not PostgreSQL
 * @example
 * ```ts
 * const transactions = enlist(await new DataSource({ type: 'postgres', url }).initialize());
 * await transactions.run((em) => em.query('SELECT 1'));
 * ```
 */
export function enlist(dataSource: DataSource, options: EnlistOptions = {}): TransactionManager {
  return enlistmentOf(dataSource)?.manager ?? enlistAll(new Map([['default', dataSource]]), options);
}

/** Enlists several data sources, by name, under one manager; the first is the default one. */
export function enlistAll(
  dataSources: ReadonlyMap<string, DataSource>,
  options: EnlistOptions,
): TransactionManager {
  checkOptions('enlist', options, ENLIST_OPTIONS);
  const { defaults = {}, namespace = asyncLocalStorageNamespace(), log = consoleLog } = options;
  checkTransactionOptions('defaults', defaults);
  const enlisted = new Map<string, EnlistedDataSource>();
  const manager = new TransactionManager({ namespace, defaults, dataSources: enlisted });
  for (const [name, dataSource] of dataSources) {
    const already = enlistmentOf(dataSource)?.enlisted;
    enlisted.set(name, already ?? new EnlistedDataSource(dataSource, { namespace, log }));
    if (already === undefined) remember(dataSource, { enlisted: enlisted.get(name)!, manager });
  }
  return manager;
}

function enlistmentOf(dataSource: DataSource): Enlistment | undefined {
  return (dataSource as unknown as Record<symbol, Enlistment | undefined>)[ENLISTED];
}

function remember(dataSource: DataSource, enlistment: Enlistment): void {
  Object.defineProperty(dataSource, ENLISTED, { value: enlistment });
}
