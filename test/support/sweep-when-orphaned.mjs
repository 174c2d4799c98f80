// Waits until its input ends, which happens also when the process at the other end is killed. Then it ends the processes of
// the tests and every server whose data lies in the given directory, and deletes the directory.
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inspectPostmaster } from '../../tools/embedded-postgres/postmaster.mjs';
import { shutDown } from '../../tools/embedded-postgres/server.mjs';

const [scratch = ''] = process.argv.slice(2);

process.stdin.resume().once('end', () => void sweep());

async function sweep() {
  // First of all who could start another server: workers of a killed jest go on for a while.
  for (const pid of processesOfTheTests()) process.kill(pid, 'SIGKILL');
  const homes = readdirSync(scratch).map((name) => join(scratch, name));
  await Promise.allSettled(homes.map(stopServer));
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
}

/** Workers, and what they started, have inherited the name of the directory; jest itself and the servers have not. */
function processesOfTheTests() {
  const mark = `TEST_SCRATCH_DIRECTORY=${scratch}`;
  return namesIn('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && environmentOf(pid).includes(mark));
}

/** @param {number} pid */
function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** @param {string} home */
async function stopServer(home) {
  const found = inspectPostmaster(join(home, 'postgres'));
  if (found.kind === 'running') await shutDown(found.pid);
}

/** @param {string} directory */
function namesIn(directory) {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
