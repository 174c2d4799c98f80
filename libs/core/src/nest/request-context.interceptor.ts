import { randomUUID } from 'node:crypto';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
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
  constructor(
    private readonly manager: TransactionManager,
    private readonly transactions?: RequestTransactions,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const requestId = requestIdOf(context);
    // The handler runs when Nest subscribes, which is after this method has returned.
    return new Observable((subscriber) =>
      this.manager.withContext(() => this.#handle(context, next).subscribe(subscriber), { requestId }),
    );
  }

  #handle(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { transactions } = this;
    if (transactions === undefined || !isAtomic(context)) return next.handle();
    const readOnly = SAFE_METHODS.includes(context.switchToHttp().getRequest<HttpRequest>().method);
    const handle = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
    return defer(() => transactions.run(context, handle, { readOnly }));
  }
}

function isAtomic(context: ExecutionContext): boolean {
  return context.getType() === 'http' && !isNonAtomic(context.getClass(), context.getHandler());
}

function requestIdOf(context: ExecutionContext): string {
  const request =
    context.getType() === 'http' ? context.switchToHttp().getRequest<HttpRequest | undefined>() : undefined;
  const offered = request?.headers?.['x-request-id'] ?? request?.id;
  return typeof offered === 'string' && ACCEPTED_ID.test(offered) ? offered : randomUUID();
}
