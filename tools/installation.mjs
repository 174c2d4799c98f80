import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What npm's two lock files tell of a package.
 *
 * @typedef {{ version?: string, resolved?: string, integrity?: string, link?: boolean, optional?: boolean, devOptional?: boolean, peer?: boolean }} LockedPackage
 */

/**
 * Whether `node_modules` holds what `package-lock.json` names. Contents are compared, not times: a git checkout touches
 * files without changing them.
 *
 * @param {string} root
 */
export function isInstalled(root) {
  const wanted = readIfAny(join(root, 'package-lock.json'));
  // npm writes this file last, so an interrupted installation has none.
  const present = readIfAny(join(root, 'node_modules/.package-lock.json'));
  if (present === undefined || wanted === undefined) return false;
  return readIfAny(stampOf(root)) === fingerprint(wanted, present) || isSameInstallation(wanted, present);
}

/**
 * Remembers that what is installed now came from the lock file as it is now, whatever npm thought fit to leave out.
 *
 * @param {string} root
 */
export function rememberInstallation(root) {
  const wanted = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const present = readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8');
  writeFileSync(stampOf(root), fingerprint(wanted, present));
}

/**
 * @param {string} wantedLock contents of package-lock.json
 * @param {string} presentLock contents of node_modules/.package-lock.json
 */
export function isSameInstallation(wantedLock, presentLock) {
  const wanted = packagesIn(wantedLock);
  const present = packagesIn(presentLock);
  const isAllowed = Object.keys(present).every((path) => path in wanted);
  return isAllowed && Object.entries(wanted).every(([path, entry]) => isSatisfied(entry, present[path]));
}

/**
 * @param {string} version of Node, as in `process.version`
 * @param {string} range as in `engines.node`; only `>=x.y` is understood
 */
export function isNodeSupported(version, range) {
  const numbers = (/** @type {string} */ text) => (text.match(/\d+/g) ?? []).map(Number);
  const [major = 0, minor = 0] = numbers(version);
  const [leastMajor = 0, leastMinor = 0] = numbers(range);
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/**
 * The reason npm gave, in one line.
 *
 * @param {string} output of npm
 */
export function reasonOf(output) {
  const code = /npm (?:error|ERR!) code (\w+)/.exec(output)?.[1] ?? '';
  if (
    /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED)$/.test(code)
  ) {
    return `the package registry cannot be reached (${code}); is there a network?`;
  }
  const told = /npm (?:error|ERR!) (?!code |errno |syscall |path )(.+)/.exec(output)?.[1];
  return told ?? output.trim().split('\n').at(-1) ?? 'npm ci failed';
}

/**
 * @param {LockedPackage} wanted
 * @param {LockedPackage | undefined} present
 */
function isSatisfied(wanted, present) {
  // npm leaves out what is optional and made for another platform.
  if (!present) return Boolean(wanted.optional ?? wanted.devOptional);
  return wanted.link ? present.resolved === wanted.resolved : present.integrity === wanted.integrity;
}

/**
 * @param {string} lock
 * @returns {Record<string, LockedPackage>}
 */
function packagesIn(lock) {
  try {
    /** @type {{ packages: Record<string, LockedPackage> }} */
    const { packages } = JSON.parse(lock);
    return Object.fromEntries(Object.entries(packages).filter(([path]) => path.includes('node_modules/')));
  } catch {
    return { 'node_modules/unreadable': {} };
  }
}

/** @param {string} root */
function stampOf(root) {
  return join(root, 'node_modules/.installed-lock.sha256');
}

/** @param {string[]} parts */
function fingerprint(...parts) {
  return parts.map((part) => createHash('sha256').update(part).digest('hex')).join('\n');
}

/** @param {string} file */
function readIfAny(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
