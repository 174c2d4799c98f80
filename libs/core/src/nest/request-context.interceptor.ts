import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { defer, lastValueFrom, Observable } from 'rxjs';
import type { TransactionManager } from '../typeorm/transaction-manager.js';
import { isNonAtomic } from './non-atomic.decorator.js';
import type { RequestIds } from './request-ids.js';
import type { RequestTransactions } from './request-transactions.js';

/** Methods that are only asked to read. @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1 */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'];

interface HttpRequest {
  readonly method: string;
}

/**
 * Opens the context that everything in one request, message or event shares, and names it. With `transactions`, an HTTP
 * request also runs in one transaction.
 */
export class RequestContextInterceptor implements NestInterceptor {
  constructor(
    private readonly manager: TransactionManager,
    private readonly ids: RequestIds,
    private readonly transactions?: RequestTransactions,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const requestId = this.ids.of(context);
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

/** Other packages that call handlers may say `http`, too, and have no response. */
function isAtomic(context: ExecutionContext): boolean {
  const handler = context.getHandler();
  const isOfRoute = context.getType() === 'http' && Reflect.hasMetadata(METHOD_METADATA, handler);
  return isOfRoute && !isNonAtomic(context.getClass(), handler);
}
