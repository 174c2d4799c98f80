import type { TransactionDefinition } from '../transaction/transaction-options.js';

/**
 * BEGIN with every option the definition names, so that no SET TRANSACTION follows it.
 *
 * @see https://www.postgresql.org/docs/current/sql-begin.html
 */
export function beginStatement(definition: TransactionDefinition): string {
  const { isolation, readOnly, deferrable } = definition;
  return [
    'BEGIN',
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${isolation}`]),
    ...(readOnly ? ['READ ONLY'] : []),
    ...(deferrable ? ['DEFERRABLE'] : []),
  ].join(' ');
}
