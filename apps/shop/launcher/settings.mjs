import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/**
 * @typedef {object} Settings
 * @property {number} port
 * @property {string} [host] all interfaces by default
 * @property {'express' | 'fastify'} [platform]
 * @property {string} [databaseUrl] without it, PostgreSQL is started
 * @property {number} databaseWaitMs how long an unreachable `databaseUrl` is tried
 * @property {string} dataDirectory where a started PostgreSQL keeps its data
 * @property {string} entry URL of the module that exports `startShop`
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Settings}
 */
export function readSettings(env) {
  const { HOST: host, DATABASE_URL: databaseUrl, SHOP_PLATFORM: platform } = env;
  return {
    port: integer(env, 'PORT', { byDefault: 3000, max: 65_535 }),
    ...(host ? { host } : {}),
    ...(platform
      ? { platform: oneOf('SHOP_PLATFORM', platform, /** @type {const} */ (['express', 'fastify'])) }
      : {}),
    ...(databaseUrl ? { databaseUrl } : {}),
    databaseWaitMs: integer(env, 'DATABASE_WAIT_MS', { byDefault: 30_000, max: 3_600_000 }),
    dataDirectory: resolve(root, env.SHOP_DATA_DIR || '.data'),
    entry: pathToFileURL(resolve(root, env.SHOP_ENTRY || 'apps/shop/dist/main.js')).href,
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {string} name
 * @param {{ byDefault: number, max: number }} range
 */
function integer(env, name, { byDefault, max }) {
  const text = env[name]?.trim();
  if (!text) return byDefault;
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= max) return value;
  throw new Error(`${name} must be a whole number from 0 to ${max}, not "${text}".`);
}

/**
 * @template {string} T
 * @param {string} name
 * @param {string} value
 * @param {readonly T[]} choices
 * @returns {T}
 */
function oneOf(name, value, choices) {
  const found = choices.find((choice) => choice === value);
  if (found) return found;
  throw new Error(`${name} must be ${choices.join(' or ')}, not "${value}".`);
}
