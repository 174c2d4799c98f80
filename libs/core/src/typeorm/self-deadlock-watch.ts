import { SelfDeadlockError } from '../errors.js';
import type { Clock } from '../transaction/clock.js';
import type { Transaction } from '../transaction/transaction.js';
import type { ConnectionLedger } from './connection-ledger.js';
import type { PgClient } from './pg-client.js';
import type { SideSession } from './side-session.js';

/** How often a statement is looked at that may wait for its own suspended transaction, in milliseconds. */
const INTERVAL_MS = 400;

export interface WatchParts {
  readonly clock: Clock;
  readonly ledger: ConnectionLedger;
  readonly side: SideSession;
}

/** A statement that is sent while transactions around it are suspended. */
export interface WatchedStatement {
  /** Who sends it, as errors name it. */
  readonly name: string;
  /** The innermost of the suspended transactions. */
  readonly outer: Transaction | undefined;
  readonly client: () => PgClient | undefined;
  readonly onDeadlock: (error: SelfDeadlockError) => void;
}

/**
 * Looks, while a statement is under way, whether it waits for a lock that a transaction around it holds: that one is
 * suspended until the statement's caller returns, so neither would ever go on. PostgreSQL cannot see this cycle, also not
 * one through several such callers.
 *
 * @returns what ends the watch
 */
export function watchSelfDeadlock(statement: WatchedStatement, parts: WatchParts): () => void {
  const { clock, ledger, side } = parts;
  const { outer } = statement;
  if (outer === undefined || !ledger.isAnyHolding(outer)) return () => undefined;
  const wait = ledger.noteWait(outer);
  let isOver = false;
  let callOff = (): void => undefined;
  const lookAgain = (): void => {
    callOff = clock.after(INTERVAL_MS, () => void look());
  };
  const look = async (): Promise<void> => {
    const client = statement.client();
    wait.blockers = client === undefined ? [] : await side.blockersOf(client).catch(() => []);
    if (isOver) return;
    const blocker = ledger.holderBehind(wait.blockers, outer);
    if (blocker === undefined) lookAgain();
    else statement.onDeadlock(deadlockOf(statement.name, blocker));
  };
  lookAgain();
  return () => {
    isOver = true;
    wait.forget();
    callOff();
  };
}

function deadlockOf(name: string, blocker: Transaction): SelfDeadlockError {
  return blocker.identified(
    new SelfDeadlockError(name, {
      cycle: `its statement waits for a lock of ${blocker.toString()}, which is suspended until this call returns`,
      remedy:
        'Join the outer transaction (REQUIRED, NESTED), or let it touch those rows after the inner call.',
    }),
  );
}
