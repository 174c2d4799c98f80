// What `npm start` runs: a database, then the shop; on Ctrl-C the shop, then the database.
import { openDatabase } from './launcher/database.mjs';
import { describe } from './launcher/describe.mjs';
import { refuseUsedPort } from './launcher/port.mjs';
import { readSettings } from './launcher/settings.mjs';
import { Shutdown } from './launcher/shutdown.mjs';

/** @typedef {{ url: string, close(): Promise<void> }} Shop */
/** @typedef {{ databaseUrl: string, port: number, host?: string, platform?: 'express' | 'fastify' }} ShopOptions */
/** @typedef {{ startShop(options: ShopOptions): Promise<Shop> }} ShopModule */

const shutdown = new Shutdown();
/** @param {string} line */
const say = (line) => console.log(line);

try {
  await start();
  await shutdown.requested;
} catch (error) {
  if (!shutdown.signal.aborted) shutdown.fail(describe(error), error);
}
const isClean = await shutdown.close();
process.exit(isClean ? 0 : 1);

async function start() {
  const settings = readSettings(process.env);
  await refuseUsedPort(settings);
  // Loading takes as long as starting PostgreSQL does, so both go on together.
  const loading = import(settings.entry);
  loading.catch(() => undefined);

  const database = await openDatabase(settings, { say, signal: shutdown.signal });
  shutdown.defer('the database', database.close);
  shutdown.signal.throwIfAborted();

  const shop = await shutdown.orAbort(startShop(await loading, { ...settings, databaseUrl: database.url }));
  shutdown.defer('the shop', () => shop.close());
  announce(shop, database.place);
}

/**
 * @param {ShopModule} module
 * @param {ShopOptions & { port: number }} options
 */
async function startShop(module, { databaseUrl, port, host, platform }) {
  try {
    return await module.startShop({
      databaseUrl,
      port,
      ...(host ? { host } : {}),
      ...(platform ? { platform } : {}),
    });
  } catch (error) {
    // Somebody may have taken the port since it was looked at.
    throw new Error(describe(error, port), { cause: error });
  }
}

/**
 * @param {Shop} shop
 * @param {string} place
 */
function announce({ url }, place) {
  const page = url.replace(/\/$/, '').replace(/\/\/(\[::1?\]|0\.0\.0\.0|127\.0\.0\.1)(?=:|$)/, '//localhost');
  say(`The shop        ${page}`);
  say(`Its HTTP API    ${page}/docs`);
  say(`Data            ${place}`);
}
