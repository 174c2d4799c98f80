import type { TransactionDefinition } from '../transaction/transaction-options.js';

/**
 * BEGIN with every option the definition names, so that no SET TRANSACTION follows it.
 *
 * @see https://www.postgresql.org/docs/current/sql-begin.html
 */
export function beginStatement({ isolation, readOnly, deferrable }: TransactionDefinition): string {
  return [
    'BEGIN',
    isolation && `ISOLATION LEVEL ${isolation}`,
    readOnly && 'READ ONLY',
    deferrable && 'DEFERRABLE',
  ]
    .filter(Boolean)
    .join(' ');
}
