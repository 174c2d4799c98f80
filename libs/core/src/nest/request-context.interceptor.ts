import { randomUUID } from 'node:crypto';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import type { TransactionManager } from '../typeorm/transaction-manager.js';

/** A request id that a proxy or an earlier service chose; anything else would let a client forge log lines. */
const ACCEPTED_ID = /^[\w.:+/=@-]{1,128}$/;

interface HttpRequest {
  readonly id?: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** Opens the context that everything in one request, message or event shares, and names it. */
export class RequestContextInterceptor implements NestInterceptor {
  constructor(private readonly manager: TransactionManager) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const requestId = requestIdOf(context);
    // The handler runs when Nest subscribes, which is after this method has returned.
    return new Observable((subscriber) =>
      this.manager.withContext(() => next.handle().subscribe(subscriber), { requestId }),
    );
  }
}

function requestIdOf(context: ExecutionContext): string {
  const request =
    context.getType() === 'http' ? context.switchToHttp().getRequest<HttpRequest | undefined>() : undefined;
  const offered = request?.headers?.['x-request-id'] ?? request?.id;
  return typeof offered === 'string' && ACCEPTED_ID.test(offered) ? offered : randomUUID();
}
