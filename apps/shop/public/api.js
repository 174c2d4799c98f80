/** An answer that is not a success, with what the shop said about it. */
export class Refusal extends Error {
  constructor(status, body) {
    const message = body?.message ?? 'The shop did not answer as expected.';
    super([message].flat().join(', '));
    this.status = status;
    this.productId = body?.productId;
    this.left = body?.left;
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

function post(path, body) {
  return ask(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

export const api = {
  products: (query) => ask(`/products?${new URLSearchParams(query)}`),
  order: (id) => ask(`/orders/${encodeURIComponent(id)}`),
  placeOrder: (customer, lines) => post('/orders', { customer, lines }),
  cancelOrder: (id) => post(`/orders/${encodeURIComponent(id)}/cancel`, {}),
};
