// The reference: what somebody writes who knows pg and takes every step himself.
import pg from 'pg';
import { handingOn } from './plain-method.mjs';

/** @typedef {import('./contestant.mjs').Account} Account */
/** @typedef {import('./contestant.mjs').Tasks} Tasks */

const SELECT = 'SELECT id, owner, balance, version FROM account WHERE id = $1';
const UPDATE =
  'UPDATE account SET owner = $1, balance = $2, version = version + 1 WHERE id = $3 AND version = $4';
const COUNT = 'UPDATE counter SET value = value + 1 WHERE id = $1';

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {Promise<import('./contestant.mjs').Contestant>}
 */
export async function open({ url, poolSize }) {
  const pool = new pg.Pool({ connectionString: url, max: poolSize });
  // An idle connection that is lost must not end the process; the next statement tells.
  pool.on('error', () => undefined);
  return {
    pool,
    tasks: tasksOn(pool),
    inTransaction: (work) =>
      transaction(pool, 'BEGIN', (client) => work(handingOn(client), handingOn(client))),
    asRequest: (work) => work(),
    close: () => pool.end(),
  };
}

/**
 * @param {pg.Pool} pool
 * @returns {Tasks}
 */
function tasksOn(pool) {
  return {
    nothing: () => transaction(pool, 'BEGIN', async () => undefined),
    count: ({ first }) => transaction(pool, 'BEGIN', (client) => client.query(COUNT, [first])),
    deposit: ({ first }) =>
      transaction(pool, 'BEGIN', async (client) => {
        const account = await find(client, first);
        account.balance += 1;
        await save(client, account);
      }),
    transfer: ({ first, second }) =>
      transaction(pool, 'BEGIN', async (client) => {
        const [from, to] = [await find(client, first), await find(client, second)];
        from.balance -= 1;
        to.balance += 1;
        await save(client, from);
        await save(client, to);
      }),
    read: ({ first }) => transaction(pool, 'BEGIN READ ONLY', (client) => find(client, first)),
    report: ({ first }) =>
      transaction(pool, 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE', (client) =>
        find(client, first),
      ),
    countBoth: ({ first, second }) =>
      transaction(pool, 'BEGIN', async (client) => {
        await client.query(COUNT, [first]);
        await client.query('SAVEPOINT second');
        await client.query(COUNT, [second]);
        await client.query('RELEASE SAVEPOINT second');
      }),
  };
}

/**
 * @template T
 * @param {pg.Pool} pool
 * @param {string} begin
 * @param {(client: pg.PoolClient) => Promise<T>} work
 */
async function transaction(pool, begin, work) {
  const client = await pool.connect();
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

/**
 * @param {pg.PoolClient} client
 * @param {number} id
 * @returns {Promise<Account>}
 */
async function find(client, id) {
  const { rows } = await client.query(SELECT, [id]);
  return rows[0];
}

/**
 * @param {pg.PoolClient} client
 * @param {Account} account
 */
async function save(client, { id, owner, balance, version }) {
  const { rowCount } = await client.query(UPDATE, [owner, balance, id, version]);
  if (rowCount !== 1) throw new Error(`account ${id} has changed meanwhile`);
}
