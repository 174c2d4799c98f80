/** An answer that is not a success, with what the shop said about it (RFC 9457). */
export class Refusal extends Error {
  constructor(status, problem = {}) {
    const { detail, errors, title } = problem;
    super(errors?.join(', ') ?? detail ?? title ?? 'The shop did not answer as expected.');
    this.status = status;
    /** Where it is explained, if anywhere. */
    this.page = problem.type?.startsWith('/errors/') ? problem.type : undefined;
    this.productId = problem.productId;
    this.left = problem.left;
  }

  /** Somebody else has changed it since: what the client has seen is not what is there. */
  get isStale() {
    return this.status === 412;
  }
}

const MERGE_PATCH = 'application/merge-patch+json';

const pathOf = (kind, id) => `/${kind}/${encodeURIComponent(id)}`;
const lineOf = (order, id) => `${pathOf('orders', order)}${pathOf('lines', id)}`;
const json = (body, type = 'application/json') => ({
  headers: { 'content-type': type },
  body: JSON.stringify(body),
});
/** The change is made if the resource is still what the client has seen. */
const ifMatch = (tag) => ({ headers: { 'if-match': tag } });
const together = (...options) => ({
  ...Object.assign({}, ...options),
  headers: Object.assign({}, ...options.map(({ headers }) => headers)),
});

/**
 * The shop, over HTTP. What has an entity tag is answered as { value, tag }.
 *
 * @param onExchange - is told of every request that was answered: { method, headers, status, tag }
 */
export function connect(onExchange = () => undefined) {
  async function ask(path, options = {}) {
    const response = await fetch(path, options).catch(() => {
      throw new Refusal(0, { detail: 'The shop cannot be reached. Is it still running?' });
    });
    const tag = response.headers.get('etag') ?? undefined;
    const { method = 'GET', headers = {} } = options;
    onExchange({ method, headers, status: response.status, tag });
    const value = await response.json().catch(() => undefined);
    if (!response.ok) throw new Refusal(response.status, value);
    return { value, tag };
  }

  const send = (method, path, ...options) => ask(path, together({ method }, ...options));
  return {
    products: async (query) => (await ask(`/products?${new URLSearchParams(query)}`)).value,
    product: (id) => ask(pathOf('products', id)),
    changeProduct: (id, changes, tag) =>
      send('PATCH', pathOf('products', id), json(changes, MERGE_PATCH), ifMatch(tag)),
    order: (id) => ask(pathOf('orders', id)),
    /** @param key - the same one when the same slip is sent again: it is ordered once */
    placeOrder: (slip, key) =>
      send('POST', '/orders', json(slip), { headers: { 'idempotency-key': `"${key}"` } }),
    setQuantity: ({ order, id, quantity }, tag) =>
      send('PATCH', lineOf(order, id), json({ quantity }), ifMatch(tag)),
    removeLine: ({ order, id }, tag) => send('DELETE', lineOf(order, id), ifMatch(tag)),
    cancelOrder: (id, tag) => send('POST', `${pathOf('orders', id)}/cancel`, ifMatch(tag)),
  };
}

export const api = connect();
