/** A request as Express and Fastify both have it. */
interface Addressed {
  readonly url: string;
  readonly originalUrl?: string;
}

/**
 * The path of a request, without its query. A client may name a whole URI, of whatever host: nothing but its path is repeated.
 *
 * @see RFC 9112 §3.2.2
 */
export function pathOf({ url, originalUrl }: Addressed): string {
  const [target] = (originalUrl ?? url).split('?', 1);
  return target!.replace(/^[a-z][a-z\d+.-]*:\/\/[^/]*/i, '') || '/';
}
