// The reference: what somebody writes who knows pg and takes every step himself.
import pg from 'pg';
import { handingOn } from './plain-method.mjs';
import { Conflict, isConflict, retrying } from './retrying.mjs';

/** @typedef {import('./contestant.mjs').Account} Account */
/** @typedef {import('./contestant.mjs').Tasks} Tasks */

const SELECT = 'SELECT id, owner, balance, version FROM account WHERE id = $1';
const UPDATE =
  'UPDATE account SET owner = $1, balance = $2, version = version + 1 WHERE id = $3 AND version = $4';
const SELECT_MANY = 'SELECT id, owner, balance, version FROM account WHERE id = ANY($1)';
const SELECT_LOCKED = `${SELECT} FOR NO KEY UPDATE`;
const COUNT = 'UPDATE counter SET value = value + 1 WHERE id = $1';

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {ReturnType<import('./contestant.mjs').ContestantModule['open']>}
 */
export async function open({ url, poolSize }) {
  const pool = new pg.Pool({ connectionString: url, max: poolSize });
  // An idle connection that is lost must not end the process; the next statement tells.
  pool.on('error', () => undefined);
  return {
    pool,
    tasks: tasksOn(pool),
    load: (ids) => load(pool, ids),
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
    deposit: ({ first }) => transaction(pool, 'BEGIN', (client) => add(client, first)),
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
    addVersioned: ({ first }) =>
      retrying(() => transaction(pool, 'BEGIN', (client) => add(client, first)), isConflict),
    addLocked: async ({ first }) => {
      await transaction(pool, 'BEGIN', (client) => add(client, first, SELECT_LOCKED));
      return 0;
    },
    addSerializable: ({ first }) =>
      retrying(
        () => transaction(pool, 'BEGIN ISOLATION LEVEL SERIALIZABLE', (client) => add(client, first)),
        isConflict,
      ),
    addAlone: async ({ first }) => {
      await transaction(pool, 'BEGIN', async (client) => {
        await client.query('SELECT pg_advisory_xact_lock($1)', [first]);
        await add(client, first);
      });
      return 0;
    },
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
 * @param {pg.Pool} pool
 * @param {readonly number[]} ids
 */
async function load(pool, ids) {
  /** @type {{ rows: Account[] }} */
  const { rows } = await pool.query(SELECT_MANY, [ids]);
  return () =>
    transaction(pool, 'BEGIN', async (client) => {
      for (const account of rows) {
        account.balance += 1;
        await save(client, account);
        account.version += 1;
      }
    });
}

/**
 * @param {pg.PoolClient} client
 * @param {number} id
 * @param {string} [select]
 */
async function add(client, id, select) {
  const account = await find(client, id, select);
  account.balance += 1;
  await save(client, account);
}

/**
 * @param {pg.PoolClient} client
 * @param {number} id
 * @param {string} [select]
 * @returns {Promise<Account>}
 */
async function find(client, id, select = SELECT) {
  const { rows } = await client.query(select, [id]);
  return rows[0];
}

/**
 * @param {pg.PoolClient} client
 * @param {Account} account
 */
async function save(client, { id, owner, balance, version }) {
  const { rowCount } = await client.query(UPDATE, [owner, balance, id, version]);
  if (rowCount !== 1) throw new Conflict(`account ${id} has changed meanwhile`);
}
