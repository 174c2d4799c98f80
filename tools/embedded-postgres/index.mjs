import { join } from 'node:path';
import { inTurn } from '../in-turn.mjs';
import { ensureCluster, readPassword } from './cluster.mjs';
import { ensureDatabase } from './database.mjs';
import { prepareHome } from './home.mjs';
import { inspectPostmaster } from './postmaster.mjs';
import { adoptOrLaunch, shutDown } from './server.mjs';
import { clearOut, isInhabited, moveIn } from './tenants.mjs';

/**
 * @typedef {object} StartOptions
 * @property {string} dataDirectory made when missing
 * @property {string} [database] made when missing; `postgres`, which always exists, by default
 * @property {Record<string, string | number>} [settings] of a server that is launched, as in postgresql.conf
 * @property {boolean} [isDurable] `false` trades the safety of the data for speed; `true` by default
 * @property {(line: string) => void} [log]
 */

/**
 * @typedef {object} RunningPostgres
 * @property {string} url
 * @property {number} port on 127.0.0.1
 * @property {number} pid
 * @property {boolean} adopted whether it ran already
 * @property {string} directory where the data really is
 * @property {() => Promise<'stopped' | 'still used'>} stop stops the server unless another process uses it
 */

const VOLATILE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/**
 * Starts the PostgreSQL that came with `npm ci`, or adopts the one that runs on this data already.
 * The server outlives this process unless it is stopped; being killed loses nothing that was committed.
 *
 * @param {StartOptions} options
 * @returns {Promise<RunningPostgres>}
 * @throws {Error} with one line that names the reason
 */
export async function startPostgres(options) {
  const { dataDirectory, database = 'postgres', isDurable = true, log = () => {} } = options;
  const settings = { ...(isDurable ? {} : VOLATILE), ...options.settings };
  const home = prepareHome(dataDirectory, log);
  const locks = join(home.directory, 'locks/postgres');
  const tenants = join(home.directory, 'tenants');

  return inTurn(locks, async () => {
    await ensureCluster(home, { isDurable, log });
    const server = await adoptOrLaunch(home, { settings, log });
    clearOut(tenants);
    const moveOut = moveIn(tenants);
    const leave = () => stopUnlessInhabited(home.cluster, tenants, moveOut);
    const url = `postgresql://postgres:${readPassword(home)}@127.0.0.1:${server.port}/${database}?sslmode=disable`;
    try {
      await ensureDatabase(url);
    } catch (error) {
      await leave();
      throw error;
    }
    return { url, ...server, directory: home.directory, stop: () => inTurn(locks, leave) };
  });
}

/**
 * @param {string} cluster
 * @param {string} tenants
 * @param {() => void} moveOut
 * @returns {Promise<'stopped' | 'still used'>}
 */
async function stopUnlessInhabited(cluster, tenants, moveOut) {
  moveOut();
  if (isInhabited(tenants)) return 'still used';
  // Looked up anew: should it have crashed meanwhile, its pid may belong to somebody else.
  const found = inspectPostmaster(cluster);
  if (found.kind === 'running') await shutDown(found.pid);
  return 'stopped';
}
