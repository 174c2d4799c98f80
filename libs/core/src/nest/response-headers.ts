import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Fastify's reply, as far as it is used here. */
interface Reply {
  getHeaders(): OutgoingHttpHeaders;
  removeHeader(name: string): unknown;
  header(name: string, value: unknown): unknown;
}

/**
 * Remembers the headers of the response as they are.
 *
 * @returns puts them back, and takes away what has been added since
 */
export function rememberHeaders(response: Reply | ServerResponse): () => void {
  const before = { ...response.getHeaders() };
  return () => {
    for (const name of Object.keys(response.getHeaders())) response.removeHeader(name);
    for (const [name, value] of Object.entries(before)) {
      if ('header' in response) response.header(name, value);
      else response.setHeader(name, value!);
    }
  };
}
