import { IncompatibleOptionsError } from '../errors.js';
import type { TransactionScope } from '../transaction/transaction-scope.js';

/** @throws IncompatibleOptionsError when `what` would write in a read-only transaction */
export function assertMayWrite(what: string, scope: TransactionScope | undefined): void {
  if (scope === undefined || !scope.readOnly) return;
  throw new IncompatibleOptionsError('readOnly', {
    requested: false,
    current: true,
    caller: what,
    transaction: scope.transaction.toString(),
  });
}
