import { spawn } from 'node:child_process';

const LINE_EVERY_MS = 5_000;
const REWRITE_EVERY_MS = 500;

/**
 * Runs a command, keeps what it prints to itself and shows instead that time goes by.
 *
 * @param {string} what shown before the elapsed time
 * @param {string[]} command program and arguments
 * @param {{ cwd: string }} options
 * @returns {Promise<{ code: number, output: string }>}
 */
export async function runWithProgress(what, command, { cwd }) {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const stopShowing = showElapsedTime(what);
  const stopForwarding = forwardSignals(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  try {
    return await new Promise((resolve) => {
      child.once('error', (error) => resolve({ code: 1, output: error.message }));
      child.once('close', (code) => resolve({ code: code ?? 1, output }));
    });
  } finally {
    stopShowing();
    stopForwarding();
  }
}

/** @param {string} what */
function showElapsedTime(what) {
  const startedAt = Date.now();
  const { isTTY } = process.stdout;
  const show = () => {
    const line = `${what} ${Math.round((Date.now() - startedAt) / 1000)} s`;
    process.stdout.write(isTTY ? `\r${line}` : `${line}\n`);
  };
  const timer = setInterval(show, isTTY ? REWRITE_EVERY_MS : LINE_EVERY_MS);
  return () => {
    clearInterval(timer);
    if (isTTY) process.stdout.write('\r\x1b[K');
  };
}

/**
 * Somebody who stops this process wants its child stopped too, not left working alone.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
function forwardSignals(child) {
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    child.kill(signal);
    child.once('close', () => process.exit(1));
  };
  for (const signal of signals) process.on(signal, forward);
  return () => signals.forEach((signal) => process.off(signal, forward));
}
