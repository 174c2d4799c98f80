import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import { RequestTransactions, TransactionManager } from '@nest-transactional/core';
import { lastValueFrom, of, type Observable } from 'rxjs';
import { VersionedRows } from '../resource/versioned-row.js';
import { Exchange } from './exchange.js';
import { HTTP_VERSIONING_OPTIONS, type HttpVersioningOptions } from './http-versioning-options.js';
import { VersionedRead, type VersionedCall } from './versioned-read.js';
import { VersionedWrite } from './versioned-write.js';
import { versionedDeclarationOf, type VersionedDeclaration } from './versioned-declaration.js';

interface DeclaredCall extends VersionedCall {
  readonly declaration: VersionedDeclaration;
}

/** Reads and writes of versioned resources: what `@Versioned()` puts around a handler. */
@Injectable()
export class VersionedInterceptor implements NestInterceptor {
  readonly #rows = new WeakMap<VersionedDeclaration, VersionedRows>();

  constructor(
    private readonly manager: TransactionManager,
    private readonly transactions: RequestTransactions,
    @Inject(HTTP_VERSIONING_OPTIONS) private readonly options: HttpVersioningOptions,
  ) {}

  intercept(
    context: ExecutionContext,
    next: CallHandler,
  ): Observable<unknown> | Promise<Observable<unknown>> {
    if (context.getType() !== 'http' || isEventStream(context)) return next.handle();
    const declaration = versionedDeclarationOf(context.getClass(), context.getHandler())!;
    const { options } = declaration;
    const rows = this.#rowsOf(declaration);
    const exchange = new Exchange(context, options, rows.isDated);
    const call = { exchange, rows, options };
    if (!exchange.isSafe) return this.#write(context, { ...call, declaration }, next);
    const entityManager = () => this.manager.entityManager(options.dataSource);
    return new VersionedRead(call, entityManager).answer(() => next.handle());
  }

  async #write(
    context: ExecutionContext,
    { declaration, ...call }: DeclaredCall,
    next: CallHandler,
  ): Promise<Observable<unknown>> {
    const { exchange } = call;
    const entityManager = () => this.manager.entityManager(declaration.options.dataSource);
    const handle = () => lastValueFrom(next.handle(), { defaultValue: undefined });
    const isRequired = this.#requiresPrecondition(declaration, exchange);
    const { retry = 3, dataSource } = declaration.options;
    const transaction = () => this.manager.surroundingScope(dataSource)?.transaction;
    const write = new VersionedWrite({ ...call, isRequired, transaction }, entityManager);
    const result = await write.answer(handle, (work, explain) => {
      const options = { retry, explain, ...(dataSource !== undefined && { dataSource }) };
      return this.transactions.run(context, work, options);
    });
    return of(result);
  }

  #requiresPrecondition({ options }: VersionedDeclaration, { method }: Exchange): boolean {
    const byModule = this.options.requirePrecondition === true && REPLACING_METHODS.includes(method);
    return options.requirePrecondition ?? byModule;
  }

  #rowsOf(declaration: VersionedDeclaration): VersionedRows {
    let rows = this.#rows.get(declaration);
    if (rows === undefined) {
      const { dataSource, by = 'self' } = declaration.options;
      const { connection } = this.manager.entityManager(dataSource);
      rows = new VersionedRows(connection.getMetadata(declaration.entity), by);
      this.#rows.set(declaration, rows);
    }
    return rows;
  }
}

/** Its events are no representation of anything. */
function isEventStream(context: ExecutionContext): boolean {
  return Reflect.hasMetadata(SSE_METADATA, context.getHandler());
}

/** They change what is there; a POST may do anything. */
const REPLACING_METHODS: readonly string[] = ['PUT', 'PATCH', 'DELETE'];
