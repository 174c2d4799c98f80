import type { TransactionScope } from '../transaction/transaction-scope.js';

interface ByHand {
  readonly name: string;
  readonly scope: TransactionScope;
  /** The scope's first failure when it was set: going back to it undoes what failed since. */
  readonly failureBefore: unknown;
  /** Called when it was rolled back. */
  readonly goBack: () => void;
}

/** Savepoints that user code sets through a query runner's own `startTransaction()`, innermost last. */
export class SavepointsByHand {
  readonly #set: ByHand[] = [];

  constructor(private readonly query: (sql: string) => Promise<unknown>) {}

  async start(name: string, scope: TransactionScope, goBack: () => void): Promise<void> {
    const failureBefore = scope.ownFirstFailure;
    await this.query(`SAVEPOINT ${name}`);
    this.#set.push({ name, scope, failureBefore, goBack });
  }

  /** @returns whether there was one to end */
  async end(how: 'release' | 'rollback'): Promise<boolean> {
    const savepoint = this.#set.pop();
    if (savepoint === undefined) return false;
    for (const statement of leaveStatements(savepoint.name, how)) await this.query(statement);
    if (how === 'release') return true;
    savepoint.scope.forgetFailuresSince(savepoint.failureBefore);
    savepoint.goBack();
    return true;
  }
}

/** What keeps (`release`) or undoes (`rollback`) a savepoint; a savepoint survives going back to it. */
export function leaveStatements(savepoint: string, how: 'release' | 'rollback'): readonly string[] {
  const release = `RELEASE SAVEPOINT ${savepoint}`;
  return how === 'release' ? [release] : [`ROLLBACK TO SAVEPOINT ${savepoint}`, release];
}
