/** @typedef {import('../measure/http-load.mjs').Exchange} Exchange */

/**
 * A product as a client has got it.
 *
 * @typedef {object} Got
 * @property {string} path
 * @property {string | null} tag where the server tells one
 * @property {{ stock: number, version: number }} product
 */

/**
 * What a client goes on with that has got the product.
 *
 * @typedef {(got: Got) => Exchange} MakeExchange
 */

/**
 * @param {string} origin
 * @param {string} path
 * @returns {Promise<Got>}
 */
export async function got(origin, path) {
  const response = await fetch(new URL(path, origin));
  const product = /** @type {{ id: number, stock: number, version: number }} */ (await response.json());
  if (path.endsWith(`/${product.id}`)) return { path, tag: response.headers.get('etag'), product };
  throw new Error(`GET ${path} was answered with ${response.status}: ${JSON.stringify(product)}`);
}

/** @type {MakeExchange} */
export function read({ path }) {
  return { request: { method: 'GET', path }, status: 200 };
}

/**
 * The same again, if it has changed. Who tells no tag cannot know, and answers in full.
 *
 * @type {MakeExchange}
 */
export function reread({ path, tag, product }) {
  const headers = { 'if-none-match': tag ?? tagOf(product) };
  return { request: { method: 'GET', path, headers }, status: tag === null ? 200 : 304 };
}

/**
 * Changes the stock, each time on condition that nobody else has changed the product since the answer before.
 *
 * @type {MakeExchange}
 */
export function change({ path, tag, product }) {
  let { stock } = product;
  let seen = tag ?? tagOf(product);
  const headers = { 'content-type': 'application/json' };
  return {
    status: 200,
    request: {
      method: 'PATCH',
      path,
      headers,
      // It always changes something: else nothing would be written.
      setupRequest: (request) => ({
        ...request,
        headers: { ...request.headers, 'if-match': seen },
        body: JSON.stringify({ stock: ++stock }),
      }),
      onResponse: (_status, _body, _context, answered) => {
        seen = answered?.etag ?? seen;
      },
    },
  };
}

/** @param {Got['product']} product */
function tagOf({ version }) {
  return `"${version}"`;
}
