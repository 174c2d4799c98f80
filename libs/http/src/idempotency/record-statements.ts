import type { DataSource } from 'typeorm';
import { IdempotencyRecord } from './idempotency-record.js';

/** The statements about one data source's records, with the names that its naming strategy gives. */
export interface RecordStatements {
  /** $1 id, $2 lock. One row: the record, or whether the lock is the caller's now. */
  readonly lookUp: string;
  /** $1 id, $2 fingerprint, $3 status, $4 headers, $5 body, $6 ttlMs. A row, unless another transaction was faster. */
  readonly store: string;
  /** $1 how many. A row for each. */
  readonly deleteExpired: string;
}

/** The clock is the server's, which all instances of the application share. */
export function recordStatements(dataSource: DataSource): RecordStatements {
  const metadata = dataSource.getMetadata(IdempotencyRecord);
  const quoted = (name: string): string => dataSource.driver.escape(name);
  const table = metadata.tablePath.split('.').map(quoted).join('.');
  const column = (property: keyof IdempotencyRecord): string =>
    quoted(metadata.findColumnWithPropertyName(property)!.databaseName);
  const [id, fingerprint, status, headers, body] = COLUMNS.map(column);
  const expiresAt = column('expiresAt');
  const replaced = [...COLUMNS, 'expiresAt' as const].map(column).map((each) => `${each} = EXCLUDED.${each}`);
  return {
    lookUp: `
      SELECT stored.${id} IS NOT NULL AS "isStored", stored.${fingerprint} AS "fingerprint", stored.${status} AS "status",
        stored.${headers} AS "headers", stored.${body} AS "body",
        CASE WHEN stored.${id} IS NULL THEN pg_try_advisory_xact_lock($2::bigint) END AS "isFree"
      FROM (VALUES ($1::text)) AS wanted (id)
      LEFT JOIN ${table} AS stored ON stored.${id} = wanted.id AND stored.${expiresAt} > statement_timestamp()`,
    store: `
      INSERT INTO ${table} AS stored (${[id, fingerprint, status, headers, body, expiresAt].join(', ')})
      VALUES ($1, $2, $3, $4::jsonb, $5, statement_timestamp() + $6::bigint * interval '1 millisecond')
      ON CONFLICT (${id}) DO UPDATE SET ${replaced.join(', ')}, ${column('createdAt')} = now()
      WHERE stored.${expiresAt} <= statement_timestamp()
      RETURNING 1 AS "isStored"`,
    deleteExpired: `
      WITH gone AS (
        DELETE FROM ${table} WHERE ${id} IN (
          SELECT ${id} FROM ${table} WHERE ${expiresAt} <= statement_timestamp()
          ORDER BY ${expiresAt} LIMIT $1 FOR UPDATE SKIP LOCKED)
        RETURNING 1)
      SELECT count(*)::int AS "count" FROM gone`,
  };
}

const COLUMNS = ['id', 'fingerprint', 'status', 'headers', 'body'] as const;
