import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/**
 * Who PostgreSQL runs as.
 *
 * @typedef {{ name: string, isSelf: true } | { name: string, isSelf: false, uid: number, gid: number }} Account
 */

/**
 * PostgreSQL refuses to run as root, so root lends it another account: the one that owns the data, else `postgres`, else `nobody`.
 *
 * @param {string} cluster directory of the data, which need not exist
 * @returns {Account}
 */
export function chooseAccount(cluster) {
  if (process.getuid?.() !== 0) return { name: 'you', isSelf: true };
  const owner = ownerOf(cluster);
  if (owner && owner.uid !== 0) return { name: `uid ${owner.uid}`, isSelf: false, ...owner };
  const account = findAccount('postgres') ?? findAccount('nobody');
  if (account) return account;
  throw new Error(
    'PostgreSQL refuses to run as root and there is no account `postgres` or `nobody` to run it as.',
  );
}

/** @param {Account} account */
export function identityOf(account) {
  return account.isSelf ? {} : { uid: account.uid, gid: account.gid };
}

/**
 * Few variables are passed on, so that PGPORT, PGOPTIONS and the like of the caller do not reach the server.
 *
 * @returns {NodeJS.ProcessEnv}
 */
export function plainEnvironment() {
  const { PATH, TZ } = process.env;
  return { PATH, LC_ALL: 'C', ...(TZ ? { TZ } : {}) };
}

/**
 * @param {Account} account
 * @param {string} program
 * @param {string[]} args
 */
export function spawnAs(account, program, args) {
  const options = {
    cwd: '/',
    encoding: /** @type {const} */ ('utf8'),
    env: plainEnvironment(),
    ...identityOf(account),
  };
  const { status, stderr, error } = spawnSync(program, args, options);
  return { status, stderr: error ? error.message : stderr };
}

/**
 * @param {Account} account
 * @param {string} program
 */
export function canRun(account, program) {
  return spawnAs(account, program, ['--version']).status === 0;
}

/**
 * @param {Account} account
 * @param {string} directory
 */
export function canEnter(account, directory) {
  // Asked of the system rather than computed from mode bits, which know nothing of access lists.
  return account.isSelf || spawnAs(account, 'test', ['-x', directory]).status === 0;
}

/** @param {string} path */
function ownerOf(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && { uid: found.uid, gid: found.gid };
}

/**
 * @param {string} name
 * @returns {Account | undefined}
 */
function findAccount(name) {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { name, isSelf: false, uid: Number(uid), gid: Number(gid) } : undefined;
}
