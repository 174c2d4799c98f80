import type { EnlistOptions } from '@nest-transactional/core';
import { EnlistedDatabase, type PostgresOptions } from '../transactions/enlisted-database.js';

/** A further DataSource on the schema that the spec has made, enlisted by itself, for the time of `work`. */
export async function withOwnHandle<T>(
  options: EnlistOptions,
  work: (own: EnlistedDatabase) => Promise<T>,
  postgres: Partial<PostgresOptions> = {},
): Promise<T> {
  const own = await EnlistedDatabase.open({ synchronize: false, dropSchema: false, ...postgres }, options);
  try {
    return await work(own);
  } finally {
    await own.close();
  }
}
