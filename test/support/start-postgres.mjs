import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { startPostgres } from '../../tools/embedded-postgres/index.mjs';

const SETTINGS = {
  max_connections: 300,
  max_wal_senders: 0,
  wal_level: 'minimal',
  autovacuum: 'off',
  shared_buffers: '64MB',
};

/**
 * Gives the tests one throw-away server, with a database for each worker.
 *
 * @param {{ maxWorkers: number }} globalConfig
 */
export default async function startForTests({ maxWorkers }) {
  // A folder that everybody may enter: PostgreSQL runs under another account when this is root.
  const parent = process.getuid?.() === 0 ? '/tmp' : tmpdir();
  const scratch = mkdtempSync(join(parent, 'nest-transactional-test-'));
  chmodSync(scratch, 0o755);
  const sweeper = spawnSweeper(scratch);
  const server = await startPostgres({
    dataDirectory: join(scratch, 'shared'),
    isDurable: false,
    settings: SETTINGS,
  });
  await createWorkerDatabases(server.url, maxWorkers);
  process.env.TEST_DATABASE_SERVER_URL = server.url;
  process.env.TEST_SCRATCH_DIRECTORY = scratch;
  // Jest loads the teardown as another instance of its modules, so it is handed over here.
  Object.assign(globalThis, { [Symbol.for('test sweeper')]: sweeper });
}

/**
 * Nothing of ours runs when jest is killed, so another process waits for the end of this one, however it comes.
 *
 * @param {string} scratch
 */
function spawnSweeper(scratch) {
  const script = join(import.meta.dirname, 'sweep-when-orphaned.mjs');
  const child = spawn(process.execPath, [script, scratch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  return child;
}

/**
 * @param {string} connectionString
 * @param {number} workers
 */
async function createWorkerDatabases(connectionString, workers) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  for (let worker = 1; worker <= workers; worker++) await client.query(`CREATE DATABASE worker_${worker}`);
  await client.end();
}
