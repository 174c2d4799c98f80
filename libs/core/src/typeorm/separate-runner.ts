import type { Transaction } from '../transaction/transaction.js';
import type { PgClient } from './pg-client.js';
import { watchSelfDeadlock, type WatchParts } from './self-deadlock-watch.js';
import type { PlainRunner } from './transactional-query-runner.js';

/**
 * Makes a runner safe that works outside of `outer` while `outer` is suspended until it is done: it gets a connection within
 * bounds or not at all, and does not wait for a lock that `outer` holds.
 */
export function separateRunner(runner: PlainRunner, outer: Transaction, parts: WatchParts): PlainRunner {
  const name = `a call outside of ${outer.toString()}`;
  const connect = runner.connect.bind(runner);
  const query = runner.query.bind(runner) as (...all: unknown[]) => Promise<unknown>;
  let client: PgClient | undefined;
  return Object.assign(runner, {
    connect: async () => {
      client ??= await parts.ledger.connect(outer, name, { connect, giveBack: () => giveBackLate(runner) });
      return client;
    },
    query: async (...all: unknown[]) => {
      let cycle: Error | undefined;
      const stopWatching = watchSelfDeadlock(
        {
          name,
          outer,
          client: () => client,
          onDeadlock: (error) => {
            cycle = error;
            parts.side.cancel(client!).catch(() => undefined);
          },
        },
        parts,
      );
      try {
        return await query(...all);
      } catch (error) {
        throw cycle ?? error;
      } finally {
        stopWatching();
      }
    },
  });
}

/** TypeORM has released the runner when nobody waited any more; it must forget that to give back what came after. */
function giveBackLate(runner: PlainRunner): void {
  Object.assign(runner, { isReleased: false });
  void runner.releasePostgresConnection();
}
