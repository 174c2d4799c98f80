// Stands in for the built shop: notes are kept in the database, so a test can see what survives.
import { createServer } from 'node:http';
import { once } from 'node:events';
import pg from 'pg';

/** @param {{ databaseUrl: string, port: number }} options */
export async function startShop({ databaseUrl, port }) {
  if (process.env.FAKE_SHOP === 'fails') throw new Error('The migration failed.\nand more');
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => undefined);
  await pool.query('CREATE TABLE IF NOT EXISTS note (text text)');
  const server = createServer((request, response) => {
    void answer(pool, request.method).then((body) => response.end(body));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const address = server.address();
  const close = async () => {
    if (process.env.FAKE_SHOP === 'hangs') await new Promise(() => undefined);
    server.close();
    await pool.end();
    console.log('closed after', process.env.FAKE_SHOP ?? 'use');
  };
  return { url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : port}`, close };
}

/**
 * @param {pg.Pool} pool
 * @param {string | undefined} method
 */
async function answer(pool, method) {
  if (method === 'POST') await pool.query("INSERT INTO note VALUES ('x')");
  const { rows } = await pool.query(
    'SELECT count(*) AS notes, pg_postmaster_start_time() AS since FROM note',
  );
  return JSON.stringify(rows[0]);
}
