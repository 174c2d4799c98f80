import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { badgeOfThisProcess, isBadgeAlive } from './process-table.mjs';

const POLL_MS = 50;
let visits = 0;

/**
 * Runs `work` while no other process runs work in turn on the same directory.
 *
 * This is Lamport's bakery: everybody draws a number and the lowest is served. A file belongs to one process for ever, so
 * removing what a dead process left behind can never take away the lock of a living one, as it can with a single lock file.
 *
 * @template T
 * @param {string} directory made when missing
 * @param {() => Promise<T>} work
 * @param {() => void} [onWait] called once when somebody else is being served
 * @returns {Promise<T>}
 */
export async function inTurn(directory, work, onWait) {
  const ticket = drawTicket(directory);
  try {
    while (isAnybodyBefore(directory, ticket)) {
      onWait?.();
      onWait = undefined;
      await delay(POLL_MS);
    }
    return await work();
  } finally {
    rmSync(join(directory, ticket), { force: true });
  }
}

/** @param {string} directory */
function drawTicket(directory) {
  mkdirSync(directory, { recursive: true });
  const holder = `${badgeOfThisProcess()}-${++visits}`;
  const drawing = `drawing.${holder}`;
  // Announced before the numbers are read: who sees this file waits until the number is known.
  writeFileSync(join(directory, drawing), '');
  const numbers = readdirSync(directory).map((name) => numberOf(name));
  const ticket = `${String(Math.max(0, ...numbers) + 1).padStart(9, '0')}.${holder}`;
  renameSync(join(directory, drawing), join(directory, ticket));
  return ticket;
}

/**
 * @param {string} directory
 * @param {string} ticket
 */
function isAnybodyBefore(directory, ticket) {
  return readdirSync(directory)
    .filter((name) => name.startsWith('drawing.') || (numberOf(name) > 0 && name < ticket))
    .some((name) => isHolderAlive(directory, name));
}

/**
 * @param {string} directory
 * @param {string} name
 */
function isHolderAlive(directory, name) {
  const isAlive = isBadgeAlive(name.slice(name.indexOf('.') + 1));
  if (!isAlive) rmSync(join(directory, name), { force: true });
  return isAlive;
}

/** @param {string} name */
function numberOf(name) {
  return Number(/^\d{9}(?=\.)/.exec(name)?.[0] ?? 0);
}
