import { randomUUID } from 'node:crypto';
import { Injectable, type ExecutionContext } from '@nestjs/common';
import { TransactionManager } from '../typeorm/transaction-manager.js';

/** A request id that a proxy or an earlier service chose; anything else would let a client forge log lines. */
const ACCEPTED_ID = /^[\w.:+/=@-]{1,128}$/;

/** A request as Express and Fastify both have it. */
export interface HttpRequest {
  readonly id?: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** Names requests and messages: each once, however many handlers and interceptors it comes to. */
@Injectable()
export class RequestIds {
  readonly #known = new WeakMap<object, string>();

  constructor(private readonly manager: TransactionManager) {}

  of(context: ExecutionContext): string {
    const request = requestOf(context);
    return request === undefined ? randomUUID() : this.ofRequest(request);
  }

  ofRequest(request: HttpRequest): string {
    // A middleware may have named it with withContext().
    const id = this.#known.get(request) ?? offeredBy(request) ?? this.manager.requestId ?? randomUUID();
    this.#known.set(request, id);
    return id;
  }
}

function offeredBy({ headers, id }: HttpRequest): string | undefined {
  const offered = headers?.['x-request-id'] ?? id;
  return typeof offered === 'string' && ACCEPTED_ID.test(offered) ? offered : undefined;
}

function requestOf(context: ExecutionContext): HttpRequest | undefined {
  const type = context.getType<string>();
  if (type === 'http') return context.switchToHttp().getRequest<HttpRequest | undefined>() ?? undefined;
  // A resolver's arguments: parent, arguments, context, info.
  if (type === 'graphql') return context.getArgByIndex<{ req?: HttpRequest } | undefined>(2)?.req;
  return undefined;
}
