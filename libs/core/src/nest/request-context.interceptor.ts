import { randomUUID } from 'node:crypto';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { defer, lastValueFrom, Observable } from 'rxjs';
import type { TransactionManager } from '../typeorm/transaction-manager.js';
import { isNonAtomic } from './non-atomic.decorator.js';
import type { RequestTransactions } from './request-transactions.js';

/** A request id that a proxy or an earlier service chose; anything else would let a client forge log lines. */
const ACCEPTED_ID = /^[\w.:+/=@-]{1,128}$/;

/** Methods that are only asked to read. @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1 */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'];

interface HttpRequest {
  readonly id?: unknown;
  readonly method: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/**
 * Opens the context that everything in one request, message or event shares, and names it. With `transactions`, an HTTP
 * request also runs in one transaction.
 */
export class RequestContextInterceptor implements NestInterceptor {
  /** Of requests that come here several times: GraphQL calls a resolver for each field. */
  readonly #ids = new WeakMap<object, string>();

  constructor(
    private readonly manager: TransactionManager,
    private readonly transactions?: RequestTransactions,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const requestId = this.#requestIdOf(context);
    // The handler runs when Nest subscribes, which is after this method has returned.
    return new Observable((subscriber) =>
      this.manager.withContext(() => this.#handle(context, next).subscribe(subscriber), { requestId }),
    );
  }

  #requestIdOf(context: ExecutionContext): string {
    const request = requestOf(context);
    if (request === undefined) return randomUUID();
    // A middleware may have named it with withContext().
    const known = this.#ids.get(request) ?? offeredBy(request) ?? this.manager.requestId ?? randomUUID();
    this.#ids.set(request, known);
    return known;
  }

  #handle(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { transactions } = this;
    if (transactions === undefined || !isAtomic(context)) return next.handle();
    const readOnly = SAFE_METHODS.includes(context.switchToHttp().getRequest<HttpRequest>().method);
    const handle = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
    return defer(() => transactions.run(context, handle, { readOnly }));
  }
}

/** Other packages that call handlers may say `http`, too, and have no response. */
function isAtomic(context: ExecutionContext): boolean {
  const handler = context.getHandler();
  const isOfRoute = context.getType() === 'http' && Reflect.hasMetadata(METHOD_METADATA, handler);
  return isOfRoute && !isNonAtomic(context.getClass(), handler);
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
