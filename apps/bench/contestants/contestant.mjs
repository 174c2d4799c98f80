import { ProductServer } from '../product-server.mjs';

/**
 * Two rows that belong to the caller alone, so that no contestant waits for a lock.
 *
 * @typedef {{ readonly first: number, readonly second: number }} Keys
 */

/** @typedef {{ id: number, owner: string, balance: number, version: number }} Account */

/**
 * Reads the first account, adds 1 to its balance and stores it, and tries again when another one was faster.
 *
 * @typedef {(keys: Keys) => Promise<number>} Add resolves with how often it was tried again
 */

/**
 * What every contestant can do. Each call is one transaction and resolves once that is committed.
 *
 * @typedef {object} Tasks
 * @property {(keys: Keys) => Promise<unknown>} nothing a transaction that sends no statement of its own
 * @property {(keys: Keys) => Promise<unknown>} count adds 1 to the first counter, by its key
 * @property {(keys: Keys) => Promise<unknown>} deposit finds the first account, adds 1 to its balance and saves it
 * @property {(keys: Keys) => Promise<unknown>} transfer reads both accounts, moves 1 and saves both
 * @property {(keys: Keys) => Promise<Account | null>} read the first account, read-only where that can be said
 * @property {(keys: Keys) => Promise<Account | null>} report the same, SERIALIZABLE READ ONLY DEFERRABLE
 * @property {(keys: Keys) => Promise<unknown>} countBoth adds 1 to both counters, to the second one behind a savepoint
 * @property {Add} addVersioned compares the version when it writes
 * @property {Add} addLocked locks the row when it reads it
 * @property {Add} addSerializable at SERIALIZABLE
 * @property {Add} addAlone under an advisory lock of the account's number
 */

/**
 * A method that calls itself `depth - 1` times: each level is what a call inside a transaction costs.
 *
 * @typedef {(depth: number) => Promise<void>} Descend
 */

/**
 * One way of writing transactions, connected to a database.
 *
 * @typedef {object} Contestant
 * @property {Tasks} tasks
 * @property {(ids: readonly number[]) => Promise<() => Promise<unknown>>} load reads these accounts; each call of what it
 *   resolves with adds 1 to all of them and saves them at once, as they are in memory, in a transaction of its own
 * @property {(work: (descend: Descend, plain: Descend) => Promise<void>) => Promise<void>} inTransaction hands out the
 *   method as one writes it here, and the same one without anything around it
 * @property {<T>(work: () => Promise<T>) => Promise<T>} asRequest runs what a server would run for one request
 * @property {import('pg').Pool} pool
 * @property {ProductServer} products serves them over HTTP; only those on TypeORM can
 * @property {() => Promise<unknown>} close
 */

/** @typedef {{ url: string, poolSize: number }} Target */

/** @typedef {{ open(target: Target): Promise<Omit<Contestant, 'products'>> }} ContestantModule */

/**
 * Loaded one by one, so that none needs what another one is made of. The first one is the reference.
 *
 * @satisfies {Record<string, { title: string, load: () => Promise<ContestantModule> }>}
 */
export const CONTESTANTS = {
  pg: { title: 'pg by hand', load: () => import('./pg-by-hand.mjs') },
  typeorm: { title: 'plain TypeORM', load: () => import('./plain-typeorm.mjs') },
  ours: { title: 'nest-transactional', load: () => import('./nest-transactional.mjs') },
};

/** @typedef {keyof typeof CONTESTANTS} ContestantName */

/**
 * @param {ContestantName} name
 * @param {Target} target
 * @returns {Promise<Contestant>}
 */
export async function openContestant(name, target) {
  const { open } = await CONTESTANTS[name].load();
  const contestant = await open(target);
  const products = new ProductServer(name, target);
  const close = () => Promise.all([products.stop(), contestant.close()]);
  return { ...contestant, products, close };
}
