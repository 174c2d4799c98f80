import { messageOf } from '../errors.js';
import { pause, type Clock } from '../transaction/clock.js';
import type { CommitAnswer } from '../transaction/transactional-resource.js';
import type { PgClient } from './pg-client.js';
import type { SideSession } from './side-session.js';

/** How long the server is asked, and how long is waited between two questions, in milliseconds. */
const PATIENCE_MS = 6000;
const INTERVAL_MS = 250;

/** A COMMIT whose answer was lost. */
export interface LostCommit {
  readonly client: PgClient;
  /** The transaction's id at the server; `undefined` where outcomes are not tracked. */
  readonly xid: string | undefined;
  /** How the connection was lost. */
  readonly cause: unknown;
}

/** Finds out what became of it: asks until the server knows, or nobody can tell. */
export async function resolveOutcome(
  { client, xid, cause }: LostCommit,
  { side, clock }: { readonly side: SideSession; readonly clock: Clock },
): Promise<CommitAnswer> {
  if (xid === undefined) return { outcome: 'unknown', cause };
  const end = clock.now() + PATIENCE_MS;
  while (clock.now() < end) {
    const status = await side.statusOf(client, xid).catch(() => undefined);
    if (status === 'committed') return { outcome: 'committed' };
    if (status === 'aborted') {
      return { outcome: 'rolled-back', reason: `the connection was lost (${messageOf(cause)})`, cause };
    }
    // Too old for the server to know: asking again does not help.
    if (status === null) break;
    await pause(clock, INTERVAL_MS);
  }
  return { outcome: 'unknown', cause };
}
