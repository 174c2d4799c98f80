import type { ServerResponse } from 'node:http';

/** Express gives Node's own response, Fastify one around it. */
type PlatformResponse = ServerResponse | { readonly raw: ServerResponse };

/**
 * A signal that aborts when the client closes the connection before the response was sent.
 *
 * @returns the signal, and how to stop watching
 */
export function watchClient(response: PlatformResponse): {
  readonly signal: AbortSignal;
  readonly leave: () => void;
} {
  const raw = 'raw' in response ? response.raw : response;
  const gone = new AbortController();
  const onClose = (): void => {
    if (!raw.writableFinished) gone.abort();
  };
  if (raw.destroyed || raw.socket?.destroyed) gone.abort();
  else raw.once('close', onClose);
  return { signal: gone.signal, leave: () => void raw.off('close', onClose) };
}
