import type { DataSource } from 'typeorm';
import type { VersionKeeper } from './version-keeper.js';

const KEEPER = Symbol.for('nest-transactional.version-keeper');

type Kept = Record<symbol, VersionKeeper>;

/** The keeper of an enlisted data source: TypeORM's builders and managers know nothing but their data source. */
export function keeperOf(dataSource: DataSource): VersionKeeper {
  return (dataSource as unknown as Kept)[KEEPER]!;
}

export function rememberKeeper(keeper: VersionKeeper): void {
  Object.defineProperty(keeper.dataSource, KEEPER, { value: keeper });
}
