import pg from 'pg';

/** @typedef {import('../workloads/workload.mjs').Effect} Effect */

/** Of each table: 32 callers have 32 rows each. */
export const ROWS = 1024;

const START_BALANCE = 1000;

// Room on each page lets an update stay on it, so that the tables are as fast at the end as at the start.
const SCHEMA = `
  CREATE TABLE account (
    id int PRIMARY KEY, owner text NOT NULL, balance int NOT NULL, version int NOT NULL
  ) WITH (fillfactor = 40);
  CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL) WITH (fillfactor = 40);
  CREATE TABLE product (
    id int PRIMARY KEY, sku text NOT NULL, name text NOT NULL, description text NOT NULL, category text NOT NULL,
    price_cents int NOT NULL, stock int NOT NULL, version int NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
  ) WITH (fillfactor = 40);
  INSERT INTO account SELECT id, 'owner ' || id, ${START_BALANCE}, 1 FROM generate_series(1, ${ROWS}) id;
  INSERT INTO counter SELECT id, 0 FROM generate_series(1, ${ROWS}) id;
  INSERT INTO product
    SELECT id, 'KIT-MUG-' || id, 'Enamel mug, number ' || id, 'Steel core and a chip-resistant rim; holds 350 ml.',
           'kitchen', 1290, 48, 1
    FROM generate_series(1, ${ROWS}) id;
  ANALYZE;
`;

/** @param {string} url of a database that has no tables yet */
export async function createTables(url) {
  await withClient(url, (client) => client.query(SCHEMA));
}

/**
 * Makes a database for one contestant: what the others leave behind shall not slow it down.
 *
 * @param {string} serverUrl
 * @param {string} name
 * @returns {Promise<string>} its URL
 */
export async function createDatabase(serverUrl, name) {
  await withClient(serverUrl, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await createTables(url.href);
  return url.href;
}

/**
 * What has been committed since the tables were made.
 *
 * @param {string} url
 * @returns {Promise<Effect>}
 */
export async function committedIn(url) {
  const { rows } = await withClient(url, (client) =>
    client.query(`
      SELECT (SELECT sum(value) FROM counter)::float8 AS counted,
             (SELECT sum(balance - ${START_BALANCE}) FROM account)::float8 AS balance,
             (SELECT sum(version - 1) FROM account)::float8 AS versions,
             (SELECT sum(version - 1) FROM product)::float8 AS patches`),
  );
  return rows[0];
}

/**
 * @param {string} url
 * @returns {Promise<string>} e.g. `18.4`
 */
export async function serverVersion(url) {
  const { rows } = await withClient(url, (client) => client.query('SHOW server_version'));
  return rows[0].server_version;
}

/**
 * @template T
 * @param {string} connectionString
 * @param {(client: pg.Client) => Promise<T>} work
 */
async function withClient(connectionString, work) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
