import { chmodSync, existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { canEnter, chooseAccount } from './account.mjs';
import { locateBinaries } from './binaries.mjs';
import { sharedDirectory } from './shared-directory.mjs';

/**
 * Where a cluster lives and who runs it.
 *
 * @typedef {object} Home
 * @property {string} directory holds the cluster, its log, and the files by which launchers know of each other
 * @property {string} cluster PostgreSQL's data directory
 * @property {string} binaries holds `bin/postgres` and `bin/initdb`
 * @property {string} version of the binaries
 * @property {import('./account.mjs').Account} account
 */

/**
 * @param {string} wanted directory, made when missing
 * @param {(line: string) => void} log
 * @returns {Home}
 */
export function prepareHome(wanted, log) {
  const directory = chooseDirectory(makeDirectory(wanted), log);
  const cluster = join(directory, 'postgres');
  const account = chooseAccount(cluster);
  return { directory, cluster, account, ...locateBinaries(account, log) };
}

/** @param {string} wanted */
function makeDirectory(wanted) {
  try {
    if (!existsSync(wanted)) {
      mkdirSync(wanted, { recursive: true });
      // Just made by us, so ours to open, whatever the umask.
      chmodSync(wanted, 0o755);
    }
    // PostgreSQL is later recognised by this path among its arguments.
    return realpathSync(wanted);
  } catch (error) {
    throw new Error(
      `Cannot keep data in ${wanted}: ${error instanceof Error ? error.message : 'unknown error'}`,
      {
        cause: error,
      },
    );
  }
}

/**
 * @param {string} preferred
 * @param {(line: string) => void} log
 */
function chooseDirectory(preferred, log) {
  const account = chooseAccount(join(preferred, 'postgres'));
  if (canEnter(account, preferred)) return preferred;
  const directory = sharedDirectory(preferred);
  log(`Keeping data in ${directory}: PostgreSQL runs as ${account.name}, who may not enter ${preferred}.`);
  return directory;
}
