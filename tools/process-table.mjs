import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const hasProcFileSystem = existsSync('/proc/self/stat');

/**
 * When the process started, as an opaque number: a pid alone may have been given to another program since.
 *
 * @param {number} pid
 * @returns {string | undefined} `undefined` when there is no such process, or only a zombie is left of it
 */
export function startOf(pid) {
  const found = hasProcFileSystem ? statusFromProc(pid) : statusFromPs(pid);
  return found && !found.state.startsWith('Z') && !found.state.startsWith('X') ? found.start : undefined;
}

/**
 * The program and its arguments.
 *
 * @param {number} pid
 * @returns {string[]} empty when there is no such process
 */
export function commandOf(pid) {
  if (!hasProcFileSystem) return ps(pid, 'args=').split(' ');
  return readIfAny(`/proc/${pid}/cmdline`).split('\0');
}

/** Names this process so that another one can tell later whether it still lives. */
export function badgeOfThisProcess() {
  return `${process.pid}-${startOf(process.pid)}`;
}

/**
 * Whether the process that wore this badge still runs.
 *
 * @param {string} badge
 */
export function isBadgeAlive(badge) {
  const [pid, start] = badge.split('-');
  return start !== undefined && startOf(Number(pid)) === start;
}

/** @param {number} pid */
function statusFromProc(pid) {
  const stat = readIfAny(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself contain blanks and parentheses.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state ? { state, start: rest[18] } : undefined;
}

/** @param {number} pid */
function statusFromPs(pid) {
  const [state, ...date] = ps(pid, 'stat=,lstart=').split(/\s+/);
  return state ? { state, start: String(Date.parse(date.join(' '))) } : undefined;
}

/**
 * @param {number} pid
 * @param {string} columns
 */
function ps(pid, columns) {
  const { stdout } = spawnSync('ps', ['-o', columns, '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return (stdout ?? '').trim();
}

/** @param {string} file */
function readIfAny(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
