import type { DataSource } from 'typeorm';
import { asyncLocalStorageNamespace } from '../context/async-local-storage-namespace.js';
import { useNamespace } from '../context/current-frame.js';
import type { ContextNamespace } from '../context/context-namespace.js';
import {
  aBoolean,
  aDuration,
  aFunction,
  anObject,
  checkOptions,
  checkTransactionOptions,
  oneOf,
  type Schema,
} from '../transaction/check-options.js';
import { consoleLog, type TransactionLog } from '../transaction/transaction-log.js';
import type { TransactionOptions } from '../transaction/transaction-options.js';
import { InvalidOptionsError } from '../errors.js';
import { systemClock, type Clock } from '../transaction/clock.js';
import { FAST_PATHS_BY_DEFAULT } from './fast-paths-default.js';
import { EnlistedDataSource, type EnlistedParts } from './enlisted-data-source.js';
import { enlistmentOf, rememberEnlistment } from './enlistment.js';
import { TransactionManager } from './transaction-manager.js';
import { VERSION_OPTIONS, type VersionOptions } from './versions/version-policy.decorator.js';

/** How transactions of the enlisted data sources behave. */
export interface EnlistOptions {
  /** For every transaction that does not say otherwise. @defaultValue `{}` */
  readonly defaults?: TransactionOptions;
  /** Carries the current transaction along the call tree. @defaultValue `asyncLocalStorageNamespace()` */
  readonly namespace?: ContextNamespace;
  /** Whether each transaction gets a line in the log: label, request, duration, statements, outcome. @defaultValue `false` */
  readonly logging?: boolean;
  /**
   * Whether a COMMIT whose answer is lost is looked up at the server (`pg_xact_status`), so that it is known to be committed
   * or rolled back instead of `OutcomeUnknownError`. Costs no round trip, but assigns a transaction id to each read-write
   * transaction. @defaultValue `false`
   */
  readonly outcomeTracking?: boolean;
  /**
   * `merged`: BEGIN travels in the first statement's round trip; `separate`: in one of its own, for poolers that cannot take
   * two statements at once. @defaultValue `'merged'` where the driver can
   */
  readonly begin?: 'merged' | 'separate';
  /**
   * How long a call that holds one connection waits for a second one (REQUIRES_NEW, NOT_SUPPORTED) before it gets a
   * `ConnectionStarvationError`, in milliseconds. Where waiting is hopeless it gets it at once. @defaultValue `1000`
   */
  readonly connectionWaitMs?: number;
  /**
   * How long a statement waits for a NESTED call beside it that sends nothing, before the two are taken for waiting for
   * each other (`SelfDeadlockError`), in milliseconds. @defaultValue `3000`
   */
  readonly nestedWaitMs?: number;
  /** How the versions of entities with a `@VersionColumn` are enforced. @defaultValue `{ missing: 'database' }` */
  readonly versions?: VersionOptions;
  /**
   * Whether what TypeORM works out anew for each statement is worked out once where that comes to the same: the SQL of a
   * statement, and what an entity is made of. `false` leaves everything to TypeORM. @defaultValue `true`
   */
  readonly fastPaths?: boolean;
  /** Where refused late statements, failed rollbacks and the like are reported. @defaultValue standard error */
  readonly log?: TransactionLog;
  /** Time, for tests that hold it still. @defaultValue the system's */
  readonly clock?: Clock;
  /** Chance, between 0 and 1, which spreads retries. @defaultValue `Math.random` */
  readonly random?: () => number;
}

/** Options that `TransactionalModule` takes, too. */
export const BEHAVIOUR_OPTIONS = {
  defaults: anObject('an object of transaction options'),
  namespace: anObject('a namespace, such as asyncLocalStorageNamespace()', 'run'),
  logging: aBoolean,
  outcomeTracking: aBoolean,
  begin: oneOf('merged', 'separate'),
  connectionWaitMs: aDuration,
  nestedWaitMs: aDuration,
  versions: anObject('an object such as { missing: "reject" }'),
  fastPaths: aBoolean,
};

const ENLIST_OPTIONS: Schema<EnlistOptions> = {
  ...BEHAVIOUR_OPTIONS,
  log: anObject('an object with a method error()', 'error'),
  clock: anObject('an object with the methods now() and after()', 'now', 'after'),
  random: aFunction,
};

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
  const { defaults = {}, namespace = asyncLocalStorageNamespace() } = options;
  const parts: EnlistedParts = {
    namespace,
    log: options.log ?? consoleLog,
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
    isLogging: options.logging ?? false,
    isTracking: options.outcomeTracking ?? false,
    begin: options.begin ?? 'merged',
    connectionWaitMs: options.connectionWaitMs ?? 1000,
    nestedWaitMs: options.nestedWaitMs ?? 3000,
    versions: options.versions ?? {},
    fastPaths: options.fastPaths ?? FAST_PATHS_BY_DEFAULT,
    defaults,
  };
  checkTransactionOptions('defaults', defaults);
  checkOptions('versions', parts.versions, VERSION_OPTIONS);
  useNamespace(namespace);
  const enlisted = new Map<string, EnlistedDataSource>();
  assertKnown(defaults.dataSource, [...dataSources.keys()]);
  const manager = new TransactionManager({ namespace, defaults, dataSources: enlisted });
  for (const [name, dataSource] of dataSources) {
    const already = enlistmentOf(dataSource)?.enlisted;
    enlisted.set(name, already ?? new EnlistedDataSource(dataSource, parts));
    if (already === undefined) rememberEnlistment(dataSource, { enlisted: enlisted.get(name)!, manager });
  }
  return manager;
}

function assertKnown(name: string | undefined, known: readonly string[]): void {
  if (name === undefined || known.includes(name)) return;
  throw new InvalidOptionsError(
    `defaults: no data source '${name}' is enlisted; enlisted are: ${known.map((each) => `'${each}'`).join(', ')}.`,
    'dataSource',
  );
}
