import type { DataSource } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import type { EnlistedDataSource } from './enlisted-data-source.js';
import type { TransactionManager } from './transaction-manager.js';

/** What an enlisted DataSource belongs to. */
export interface Enlistment {
  readonly enlisted: EnlistedDataSource;
  readonly manager: TransactionManager;
}

// On the DataSource itself, so that the ESM and the CommonJS copy of this package enlist it once between them.
const ENLISTED = Symbol.for('nest-transactional.enlisted');

type Marked = Record<symbol, Enlistment | undefined>;

export function enlistmentOf(dataSource: DataSource): Enlistment | undefined {
  return (dataSource as unknown as Marked)[ENLISTED];
}

/** @throws InvalidOptionsError when the data source is not enlisted */
export function requireEnlistment(dataSource: DataSource, what: string): Enlistment {
  const enlistment = enlistmentOf(dataSource);
  if (enlistment !== undefined) return enlistment;
  throw new InvalidOptionsError(
    `${what}: its data source is not enlisted. Name it in TransactionalModule.forRoot({ dataSources }), or call ` +
      `enlist(dataSource).`,
    'dataSource',
  );
}

export function rememberEnlistment(dataSource: DataSource, enlistment: Enlistment): void {
  Object.defineProperty(dataSource, ENLISTED, { value: enlistment });
}
