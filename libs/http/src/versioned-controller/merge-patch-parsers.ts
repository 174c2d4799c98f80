import type { AbstractHttpAdapter } from '@nestjs/core';

/** @see https://www.rfc-editor.org/rfc/rfc7396#section-4 */
export const MERGE_PATCH = 'application/merge-patch+json';

/** What the body of a PATCH may be. */
export const PATCH_TYPES: readonly string[] = [MERGE_PATCH, 'application/json'];

type Parser = (request: object, body: string, done: (error: Error | null, body?: unknown) => void) => void;

interface FastifyInstance {
  hasContentTypeParser(type: string): boolean;
  getDefaultJsonParser(onProto: 'error', onConstructor: 'error'): Parser;
  addContentTypeParser(type: string, options: { parseAs: 'string' }, parser: Parser): unknown;
}

/** As Fastify reads JSON, and of no other size. */
export function parseOnFastify(adapter: AbstractHttpAdapter): void {
  const fastify = adapter.getInstance<FastifyInstance>();
  if (fastify.hasContentTypeParser(MERGE_PATCH)) return;
  fastify.addContentTypeParser(
    MERGE_PATCH,
    { parseAs: 'string' },
    fastify.getDefaultJsonParser('error', 'error'),
  );
}

type Middleware = (request: object, response: object, next: (error?: unknown) => void) => void;

interface ParserOptions {
  readonly type: string;
}

interface ExpressLikeAdapter {
  useBodyParser(
    this: { use(middleware: Middleware): void },
    type: 'json',
    rawBody: boolean,
    options: ParserOptions,
  ): void;
}

/**
 * As Express reads JSON, and of no other size. The application's own parser reads `application/json` only, and stands before
 * the routes already when a controller is made; so the adapter is asked for another one, which is called here.
 */
export async function parseOnExpress(
  adapter: AbstractHttpAdapter,
  request: object,
  response: object,
): Promise<void> {
  const parsers: Middleware[] = [];
  const collector = { use: (middleware: Middleware) => void parsers.push(middleware) };
  (adapter as unknown as ExpressLikeAdapter).useBodyParser.call(collector, 'json', false, {
    type: MERGE_PATCH,
  });
  for (const parse of parsers) {
    await new Promise<void>((resolve, reject) => {
      parse(request, response, (error) => (error === undefined ? resolve() : reject(error as Error)));
    });
  }
}
