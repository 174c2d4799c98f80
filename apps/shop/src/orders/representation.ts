import type { Order } from './order.entity.js';

/** What Express's response and Fastify's reply have in common. */
export interface ResponseWithHeaders {
  header(name: string, value: string): unknown;
}

export const addressOf = ({ id }: Pick<Order, 'id'>): string => `/orders/${id}`;

/** Says that a response is what GET of the order would give, and its entity tag the order's. @see RFC 9110 §8.7 */
export function showOrder(order: Order, response: ResponseWithHeaders): Order {
  response.header('Content-Location', addressOf(order));
  return order;
}
