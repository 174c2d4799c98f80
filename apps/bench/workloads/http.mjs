import { requestFor, requestOnce } from '../measure/http-load.mjs';
import { change, got, read, reread } from './exchanges.mjs';
import { NO_EFFECT } from './workload.mjs';

/** @typedef {import('../product-server.mjs').ProductServer} ProductServer */
/** @typedef {import('./exchanges.mjs').MakeExchange} MakeExchange */
/** @typedef {import('./workload.mjs').Line} Line */
/** @typedef {import('./workload.mjs').Workload} Workload */

/**
 * What a line asks for, and of which resource.
 *
 * @typedef {{ resource: string, make: MakeExchange }} Question
 */

const MANY = 32;
/** A request runs through so much code that one round is too short for the compiler to see all of it. */
const WARM_UP_TURNS = 16;
const PRODUCTS = '/products';
/** Where the server may answer from the version alone that nothing has changed. */
const QUICK_PRODUCTS = '/quick-products';

/** @type {readonly Workload[]} */
export const http = [
  workload('http-get', 'GET /products/:id', {
    lines: [1, MANY].map((connections) => lineOf(connections, { resource: PRODUCTS, make: read })),
  }),
  workload('http-get-304', 'GET /products/:id that is not modified (plain TypeORM: answered in full)', {
    lines: [
      lineOf(MANY, { resource: PRODUCTS, make: reread }, 'handler'),
      lineOf(MANY, { resource: QUICK_PRODUCTS, make: reread }, 'version'),
    ],
  }),
  workload('http-patch', 'PATCH /products/:id with If-Match', {
    effect: { ...NO_EFFECT, patches: 1 },
    lines: [1, MANY].map((connections) => lineOf(connections, { resource: PRODUCTS, make: change })),
  }),
];

/**
 * @param {string} name
 * @param {string} title
 * @param {Pick<Workload, 'lines'> & Partial<Pick<Workload, 'effect'>>} details
 * @returns {Workload}
 */
function workload(name, title, { lines, effect = NO_EFFECT }) {
  return {
    name,
    title,
    contestants: ['typeorm', 'ours'],
    reference: 'typeorm',
    isServed: true,
    effect,
    lines,
  };
}

/**
 * @param {number} connections each with a product of its own
 * @param {Question} question
 * @param {string} [label]
 * @returns {Line}
 */
function lineOf(
  connections,
  { resource, make },
  label = connections === 1 ? '1 client' : `${connections} clients`,
) {
  /** @type {WeakSet<object>} */
  const warm = new WeakSet();
  return {
    label,
    call: async ({ products }) => {
      const origin = await products.origin();
      const exchange = make(await got(origin, `${resource}/1`));
      return () => requestOnce(origin, exchange);
    },
    measure: async ({ products }, ms) => {
      const send = async (/** @type {number} */ clients, /** @type {number} */ forMs) =>
        await requestFor(forMs, products, await exchangesWith(products, clients));
      const before = warm.has(products) ? 0 : (await send(MANY, ms * WARM_UP_TURNS)).calls;
      warm.add(products);
      const sample = await send(connections, ms);
      return { ...sample, calls: before + sample.calls };
    },
  };

  /**
   * @param {ProductServer} products
   * @param {number} clients
   */
  async function exchangesWith(products, clients) {
    const origin = await products.origin();
    const paths = Array.from({ length: clients }, (_, index) => `${resource}/${index + 1}`);
    const seen = await Promise.all(paths.map((path) => got(origin, path)));
    return seen.map(make);
  }
}
