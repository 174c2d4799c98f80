import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, plainEnvironment } from './account.mjs';
import { inspectPostmaster, isRunning, removeStaleLock } from './postmaster.mjs';

/** @typedef {import('./home.mjs').Home} Home */
/** @typedef {{ pid: number, port: number, adopted: boolean }} Server */
/** @typedef {{ settings: Record<string, string | number>, log: (line: string) => void }} ServerOptions */

const POLL_MS = 20;
const START_MS = 120_000;
const FAST_SHUTDOWN_MS = 5_000;
const IMMEDIATE_SHUTDOWN_MS = 1_500;
const MAX_ATTEMPTS = 20;
const BETWEEN_ATTEMPTS_MS = 250;

/**
 * The server of this cluster: the one that runs, else a new one.
 *
 * @param {Home} home
 * @param {ServerOptions} options
 * @returns {Promise<Server>}
 */
export async function adoptOrLaunch(home, options) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    const found = inspectPostmaster(home.cluster);
    if (found.kind === 'none') return await launch(home, options);
    if (found.kind === 'stale') removeStaleLock(home.cluster);
    else if (found.isReady) return { pid: found.pid, port: found.port, adopted: true };
    // It is just starting, or stopping: either ends soon.
    else await delay(POLL_MS);
  }
  throw new Error(`The PostgreSQL that runs in ${home.cluster} neither becomes ready nor stops.`);
}

/**
 * Ends sessions and stops; a server that does not obey is stopped at once, and recovers at its next start.
 *
 * @param {number} pid
 */
export async function shutDown(pid) {
  if (await isGoneAfter(pid, 'SIGINT', FAST_SHUTDOWN_MS)) return;
  if (await isGoneAfter(pid, 'SIGQUIT', IMMEDIATE_SHUTDOWN_MS)) return;
  throw new Error(`PostgreSQL (pid ${pid}) does not stop.`);
}

/**
 * @param {Home} home
 * @param {ServerOptions} options
 * @returns {Promise<Server>}
 */
async function launch(home, options) {
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryLaunch(home, options);
    if ('server' in outcome) return outcome.server;
    // Another program took the port meanwhile, or backends of a killed server are about to end.
    const isPassing = /Address already in use|pre-existing shared memory|lock file/.test(outcome.failure);
    if (!isPassing || attempt === MAX_ATTEMPTS)
      throw new Error(`PostgreSQL did not start: ${lastError(outcome.failure)}`);
    await delay(BETWEEN_ATTEMPTS_MS);
  }
}

/**
 * @param {Home} home
 * @param {ServerOptions} options
 * @returns {Promise<{ server: Server } | { failure: string }>}
 */
async function tryLaunch(home, { settings, log }) {
  const port = await freePort();
  const logFile = join(home.directory, 'postgres.log');
  const logged = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  const child = spawnServer(home, { logFile, settings: { ...settings, port } });
  let spawnError = '';
  child.once('error', (error) => (spawnError = error.message));
  const isReady = await isReadyInTime(child, home.cluster, log);
  child.unref();
  if (isReady) return { server: { pid: Number(child.pid), port, adopted: false } };
  return { failure: spawnError || readFileSync(logFile).subarray(logged).toString() };
}

/**
 * @param {Home} home
 * @param {{ logFile: string, settings: Record<string, string | number> }} options
 */
function spawnServer({ binaries, cluster, account }, { logFile, settings }) {
  // No socket file: its path would be limited to some 100 characters.
  const fixed = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const args = Object.entries({ ...settings, ...fixed }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const output = openSync(logFile, 'a');
  try {
    return spawn(join(binaries, 'bin/postgres'), ['-D', cluster, ...args], {
      cwd: cluster,
      env: plainEnvironment(),
      stdio: ['ignore', output, output],
      // Its own session, so that Ctrl-C does not reach it before the application has closed.
      detached: true,
      ...identityOf(account),
    });
  } finally {
    closeSync(output);
  }
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} cluster
 * @param {(line: string) => void} log
 */
async function isReadyInTime(child, cluster, log) {
  const startedAt = Date.now();
  let told = 0;
  while (child.pid && child.exitCode === null && child.signalCode === null) {
    const found = inspectPostmaster(cluster);
    if (found.kind === 'running' && found.pid === child.pid && found.isReady) return true;
    const seconds = Math.floor((Date.now() - startedAt) / 5_000) * 5;
    if (seconds > told) log(`PostgreSQL is recovering … ${(told = seconds)} s`);
    await delay(POLL_MS);
  }
  return false;
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 * @param {number} patienceMs
 */
async function isGoneAfter(pid, signal, patienceMs) {
  const deadline = Date.now() + patienceMs;
  if (isRunning(pid)) process.kill(pid, signal);
  while (isRunning(pid) && Date.now() < deadline) await delay(POLL_MS);
  return !isRunning(pid);
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** @param {string} log */
function lastError(log) {
  const lines = log.trim().split('\n');
  const fatal = lines.filter((line) => /FATAL|PANIC|ERROR/.test(line)).at(-1) ?? lines.at(-1) ?? '';
  return fatal.replace(/^.*?(?:FATAL|PANIC|ERROR):\s*/, '');
}
