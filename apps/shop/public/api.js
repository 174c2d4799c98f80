/** An answer that is not a success, with what the shop said about it. */
export class Refusal extends Error {
  constructor(status, body) {
    const message = body?.message ?? 'The shop did not answer as expected.';
    super([message].flat().join(', '));
    this.status = status;
    this.productId = body?.productId;
    this.left = body?.left;
    /** What is there now, if somebody else was faster. */
    this.current = body?.current;
  }
}

async function ask(path, options) {
  const response = await fetch(path, options).catch(() => {
    throw new Refusal(0, { message: 'The shop cannot be reached. Is it still running?' });
  });
  const body = await response.json().catch(() => undefined);
  if (!response.ok) throw new Refusal(response.status, body);
  return body;
}

function send(method, path, body) {
  return ask(path, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

const pathOf = (kind, id) => `/${kind}/${encodeURIComponent(id)}`;
const lineOf = ({ id }, productId) => `${pathOf('orders', id)}${pathOf('lines', productId)}`;

export const api = {
  products: (query) => ask(`/products?${new URLSearchParams(query)}`),
  product: (id) => ask(pathOf('products', id)),
  /** @param changes - with the version that the editor has seen */
  changeProduct: (id, changes) => send('PATCH', pathOf('products', id), changes),
  order: (id) => ask(pathOf('orders', id)),
  placeOrder: (customer, lines) => send('POST', '/orders', { customer, lines }),
  setLine: (order, productId, quantity) =>
    send('PUT', lineOf(order, productId), { quantity, version: order.version }),
  removeLine: (order, productId) =>
    ask(`${lineOf(order, productId)}?version=${order.version}`, { method: 'DELETE' }),
  cancelOrder: (id) => send('POST', `${pathOf('orders', id)}/cancel`, {}),
};
