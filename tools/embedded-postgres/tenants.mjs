import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { badgeOfThisProcess, isBadgeAlive } from '../process-table.mjs';

let moves = 0;

/**
 * Notes that this process uses the server, so that another launcher does not stop it underneath.
 *
 * @param {string} directory
 * @returns {() => void} moves out
 */
export function moveIn(directory) {
  mkdirSync(directory, { recursive: true });
  const note = join(directory, `${badgeOfThisProcess()}-${++moves}`);
  writeFileSync(note, '');
  return () => rmSync(note, { force: true });
}

/**
 * Whether somebody still uses the server. Those who died without moving out do not count.
 *
 * @param {string} directory
 */
export function isInhabited(directory) {
  return readdirSync(directory).some((badge) => isBadgeAlive(badge));
}

/**
 * Forgets who died without moving out.
 *
 * @param {string} directory
 */
export function clearOut(directory) {
  mkdirSync(directory, { recursive: true });
  for (const badge of readdirSync(directory)) {
    if (!isBadgeAlive(badge)) rmSync(join(directory, badge), { force: true });
  }
}
