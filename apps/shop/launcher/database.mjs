import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres } from '../../../tools/embedded-postgres/index.mjs';
import { describe } from './describe.mjs';

/** @typedef {import('./settings.mjs').Settings} Settings */
/** @typedef {{ say: (line: string) => void, signal: AbortSignal }} Surroundings */
/** @typedef {{ url: string, place: string, close: () => Promise<unknown> }} Database */

const BETWEEN_TRIES_MS = 1_000;
const TELL_EVERY_MS = 5_000;

/**
 * The server that DATABASE_URL names, else the one that came with `npm ci`.
 *
 * @param {Settings} settings
 * @param {Surroundings} surroundings
 * @returns {Promise<Database>}
 */
export async function openDatabase({ databaseUrl, databaseWaitMs, dataDirectory }, { say, signal }) {
  if (databaseUrl) {
    const place = await waitForDatabase(databaseUrl, { waitMs: databaseWaitMs, say, signal });
    return { url: databaseUrl, place, close: async () => undefined };
  }
  const server = await startPostgres({ dataDirectory, database: 'shop', log: say });
  const place = `${server.directory} (PostgreSQL on 127.0.0.1:${server.port})`;
  return { url: server.url, place, close: server.stop };
}

/**
 * @param {string} url
 * @param {{ waitMs: number } & Surroundings} options
 * @returns {Promise<string>} the server and database, without the password
 */
async function waitForDatabase(url, { waitMs, say, signal }) {
  const startedAt = Date.now();
  const place = placeOf(url);
  let nextTellMs = 0;
  for (;;) {
    const failure = await tryToConnect(url);
    if (!failure) return place;
    const waitedMs = Date.now() - startedAt;
    if (!isPassing(failure)) throw new Error(`${place} refuses: ${describe(failure)}`);
    if (waitedMs >= nextTellMs) {
      say(`Waiting for ${place} … ${Math.round(waitedMs / 1000)} of ${Math.ceil(waitMs / 1000)} s`);
      nextTellMs = waitedMs + TELL_EVERY_MS;
    }
    if (waitedMs >= waitMs)
      throw new Error(`${place} cannot be reached (DATABASE_URL): ${describe(failure)}`);
    await delay(Math.min(BETWEEN_TRIES_MS, waitMs), undefined, { signal });
  }
}

/** @param {string} url */
function placeOf(url) {
  try {
    if (!/^(postgres|postgresql|socket):/.test(url)) throw new TypeError('another protocol');
    const { host, port, database } = new pg.Client({ connectionString: url });
    return `PostgreSQL at ${host}:${port}/${database}`;
  } catch {
    // The text may hold a password, so neither it nor the parser's complaint is shown.
    throw new Error('DATABASE_URL is not a URL like postgresql://user:password@host:5432/database.');
  }
}

/**
 * @param {string} connectionString
 * @returns {Promise<unknown>} what went wrong, if anything
 */
async function tryToConnect(connectionString) {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  // A server that goes away while we say goodbye must not end this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * A server that is reached and says no (wrong password, no such database) will say no again. One that starts up, or has no
 * connection left, will not.
 *
 * @param {unknown} failure
 */
function isPassing(failure) {
  return !(failure instanceof pg.DatabaseError) || /^(57P0|53)/.test(failure.code ?? '');
}
