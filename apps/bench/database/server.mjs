import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../../../tools/embedded-postgres/index.mjs';

// The server works on nothing but what is measured.
const SETTINGS = { max_connections: 100, autovacuum: 'off', checkpoint_timeout: '1h', max_wal_size: '8GB' };

/**
 * Starts a PostgreSQL of its own in a temporary folder.
 *
 * @param {{ isDurable: boolean }} options `false` does not wait for the disk at COMMIT
 * @returns {Promise<{ url: string, remove: () => Promise<void> }>}
 */
export async function startServer({ isDurable }) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'nest-transactional-bench-'));
  // PostgreSQL may have to run under another account, which passes through here.
  chmodSync(dataDirectory, 0o755);
  const remove = () => rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
  try {
    const server = await startPostgres({ dataDirectory, isDurable, settings: SETTINGS });
    return {
      url: server.url,
      remove: async () => {
        await server.stop();
        // Elsewhere, where that account may not enter the temporary folder.
        rmSync(server.directory, { recursive: true, force: true, maxRetries: 5 });
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
