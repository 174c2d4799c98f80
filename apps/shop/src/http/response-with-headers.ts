/** What Express's response and Fastify's reply have in common. */
export interface ResponseWithHeaders {
  header(name: string, value: string): unknown;
}
