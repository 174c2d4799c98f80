import pg from 'pg';

const UNKNOWN_DATABASE = '3D000';

/**
 * Proves that the server accepts connections, and makes the database when it is missing.
 *
 * @param {string} url
 */
export async function ensureDatabase(url) {
  try {
    await run(url, 'SELECT 1');
  } catch (error) {
    if (codeOf(error) !== UNKNOWN_DATABASE) throw error;
    await createDatabase(url);
  }
}

/** @param {string} url of the database to make */
async function createDatabase(url) {
  const server = new URL(url);
  const name = decodeURIComponent(server.pathname.slice(1));
  server.pathname = '/postgres';
  await run(server.href, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
}

/**
 * @param {string} connectionString
 * @param {string} statement
 */
async function run(connectionString, statement) {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
