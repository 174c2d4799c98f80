import { randomBytes } from 'node:crypto';
import pg from 'pg';

/** The database that only the specs of this jest worker use, one spec file after the other. */
export function workerDatabaseUrl(): string {
  return urlOf(`worker_${process.env.JEST_WORKER_ID ?? '1'}`);
}

/**
 * Creates a database of its own for a spec that wants to be alone. It goes away with the server.
 *
 * @param name - chosen at random by default
 * @returns its URL
 */
export async function createDatabase(name = `spec_${randomBytes(6).toString('hex')}`): Promise<string> {
  const client = new pg.Client({ connectionString: serverUrl() });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return urlOf(name);
}

/** Where a spec may put files; deleted when the tests end. */
export function scratchDirectory(): string {
  return required('TEST_SCRATCH_DIRECTORY');
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}

function serverUrl(): string {
  return required('TEST_DATABASE_SERVER_URL');
}

function required(variable: string): string {
  const value = process.env[variable];
  if (value) return value;
  throw new Error(`${variable} is not set: run the specs through \`npm test\`, which starts PostgreSQL.`);
}
