import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { identityOf, plainEnvironment } from './account.mjs';

/** @typedef {import('./home.mjs').Home} Home */

const UNFINISHED = 'unfinished-';

/**
 * Makes the cluster unless there is one. It gets its name only when it is complete, so an interrupted attempt is never mistaken for one.
 *
 * @param {Home} home
 * @param {{ isDurable: boolean, log: (line: string) => void }} options
 */
export async function ensureCluster(home, { isDurable, log }) {
  if (existsSync(join(home.cluster, 'PG_VERSION'))) return refuseOtherVersion(home);
  removeUnfinished(home);
  log('Creating the database cluster …');
  const unfinished = makeOwned(home, `${UNFINISHED}${randomBytes(4).toString('hex')}`);
  const passwordFile = writePassword(home, `${unfinished}.password`);
  await initialise(home, { directory: unfinished, passwordFile, isDurable });
  renameSync(passwordFile, join(unfinished, 'password'));
  renameSync(unfinished, home.cluster);
}

/**
 * @param {Home} home
 * @returns {string} of the superuser `postgres`
 */
export function readPassword({ cluster }) {
  return readFileSync(join(cluster, 'password'), 'utf8').trim();
}

/** @param {Home} home */
function refuseOtherVersion({ cluster, version }) {
  const found = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim();
  if (version.startsWith(`${found}.`)) return;
  throw new Error(
    `${cluster} was made by PostgreSQL ${found} and this is ${version}; move that folder away to start anew.`,
  );
}

/** @param {Home} home */
function removeUnfinished({ directory }) {
  for (const name of readdirSync(directory).filter((each) => each.startsWith(UNFINISHED))) {
    rmSync(join(directory, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * @param {Home} home
 * @param {string} name
 */
function makeOwned({ directory, account }, name) {
  const path = join(directory, name);
  mkdirSync(path, { mode: 0o700 });
  if (!account.isSelf) chownSync(path, account.uid, account.gid);
  return path;
}

/**
 * @param {Home} home
 * @param {string} file
 */
function writePassword({ account }, file) {
  writeFileSync(file, randomBytes(24).toString('hex'), { mode: 0o600 });
  if (!account.isSelf) chownSync(file, account.uid, account.gid);
  return file;
}

/**
 * @param {Home} home
 * @param {{ directory: string, passwordFile: string, isDurable: boolean }} options
 */
async function initialise({ binaries, account }, { directory, passwordFile, isDurable }) {
  const args = ['-D', directory, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  // Many iterations protect passwords that can be guessed. This one is random, and every connection would pay for them.
  const cheapLogin = ['--set=scram_iterations=1'];
  const sync = isDurable ? [] : ['--no-sync'];
  const child = spawn(join(binaries, 'bin/initdb'), [...args, ...locale, ...cheapLogin, ...sync], {
    cwd: directory,
    env: plainEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its own session: Ctrl-C is for the launcher, which waits for this second to pass.
    detached: true,
    ...identityOf(account),
  });
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`initdb failed: ${errors.trim().split('\n').at(-1)}`);
}
