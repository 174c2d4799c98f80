import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { commandOf, startOf } from '../process-table.mjs';

/**
 * What `postmaster.pid` says, checked against the processes that really run.
 *
 * @typedef {{ kind: 'none' } | { kind: 'stale' } | { kind: 'running', pid: number, port: number, isReady: boolean }} Postmaster
 */

/**
 * @param {string} cluster
 * @returns {Postmaster}
 */
export function inspectPostmaster(cluster) {
  const text = readLock(cluster);
  if (text === undefined) return { kind: 'none' };
  // See "The lock file" in PostgreSQL's miscinit.c: pid, data directory, start time, port, socket, address, memory, status.
  const [pid, , , port, , , , status] = text.split('\n');
  if (!isPostmasterOf(Number(pid), cluster)) return { kind: 'stale' };
  return { kind: 'running', pid: Number(pid), port: Number(port), isReady: status?.trim() === 'ready' };
}

/**
 * The pid of a crashed server may be a zombie or belong to another program by now. PostgreSQL would see *some* process and refuse to start.
 *
 * @param {string} cluster
 */
export function removeStaleLock(cluster) {
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

/** @param {number} pid */
export function isRunning(pid) {
  return startOf(pid) !== undefined;
}

/**
 * @param {number} pid
 * @param {string} cluster
 */
function isPostmasterOf(pid, cluster) {
  if (!(pid > 0) || !isRunning(pid)) return false;
  const [program = '', ...args] = commandOf(pid);
  return basename(program).startsWith('postgres') && args.includes(cluster);
}

/** @param {string} cluster */
function readLock(cluster) {
  try {
    return readFileSync(join(cluster, 'postmaster.pid'), 'utf8');
  } catch {
    return undefined;
  }
}
