import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { TransactionManager } from '@nest-transactional/core';
import { catchError, type Observable } from 'rxjs';
import { AnyResponse } from '../any-response.js';
import { explainViolation } from './constraint-violation.js';
import { PLAN, type VersionedController } from './versioned-controller.js';

/** Stands around the transaction, because a deferred constraint is checked at COMMIT. */
@Injectable()
export class RefusedWritesInterceptor implements NestInterceptor {
  constructor(private readonly transactions: TransactionManager) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { entity, options } = (context.getClass().prototype as VersionedController<object>)[PLAN];
    return next.handle().pipe(
      catchError((error: unknown) => {
        const { metadata } = this.transactions.entityManager(options.dataSource).getRepository(entity);
        const http = context.switchToHttp();
        // What was to be announced is not there.
        new AnyResponse(http.getResponse()).removeHeader('Location');
        const isRemoval = http.getRequest<{ method: string }>().method === 'DELETE';
        throw explainViolation(error, metadata, isRemoval) ?? error;
      }),
    );
  }
}
