import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createDatabase, workerDatabaseUrl } from './database.js';

describe('the databases of the tests', () => {
  it('gives the worker a database of its own', async () => {
    expect(await nameOf(workerDatabaseUrl())).toBe(`worker_${process.env.JEST_WORKER_ID}`);
  });

  it('creates an isolated database on request', async () => {
    const [one, other] = await Promise.all([createDatabase(), createDatabase()]);

    expect(await nameOf(one)).not.toBe(await nameOf(other));
  });
});

async function nameOf(connectionString: string): Promise<unknown> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ name: string }>('SELECT current_database() AS name');
  await client.end();
  return rows[0]?.name;
}
