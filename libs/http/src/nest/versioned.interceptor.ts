import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { RequestTransactions, TransactionManager } from '@nest-transactional/core';
import { defer, from, lastValueFrom, type Observable } from 'rxjs';
import { VersionedRows } from '../resource/versioned-row.js';
import { Exchange } from './exchange.js';
import { HTTP_VERSIONING_OPTIONS, type HttpVersioningOptions } from './http-versioning-options.js';
import { VersionedRead } from './versioned-read.js';
import { VersionedWrite } from './versioned-write.js';
import { versionedDeclarationOf, type VersionedDeclaration } from './versioned-declaration.js';

/** Reads and writes of versioned resources: what `@Versioned()` puts around a handler. */
@Injectable()
export class VersionedInterceptor implements NestInterceptor {
  readonly #rows = new WeakMap<VersionedDeclaration, VersionedRows>();

  constructor(
    private readonly manager: TransactionManager,
    private readonly transactions: RequestTransactions,
    @Inject(HTTP_VERSIONING_OPTIONS) private readonly options: HttpVersioningOptions,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const declaration = versionedDeclarationOf(context.getClass(), context.getHandler())!;
    return defer(() => from(this.#handle(context, declaration, next)));
  }

  #handle(context: ExecutionContext, declaration: VersionedDeclaration, next: CallHandler): Promise<unknown> {
    const exchange = new Exchange(context, declaration.options);
    const call = { exchange, rows: this.#rowsOf(declaration), options: declaration.options };
    const entityManager = () => this.manager.entityManager(declaration.options.dataSource);
    const handle = () => lastValueFrom(next.handle(), { defaultValue: undefined });
    if (exchange.isSafe) return new VersionedRead(call, entityManager).answer(handle);
    const isRequired = this.#requiresPrecondition(declaration, exchange);
    const { retry = 3, dataSource } = declaration.options;
    const transaction = () => this.manager.surroundingScope(dataSource)?.transaction;
    return new VersionedWrite({ ...call, isRequired, transaction }, entityManager).answer(
      handle,
      (work, explain) => {
        const options = { retry, explain, ...(dataSource !== undefined && { dataSource }) };
        return this.transactions.run(context, work, options);
      },
    );
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

/** They change what is there; a POST may do anything. */
const REPLACING_METHODS: readonly string[] = ['PUT', 'PATCH', 'DELETE'];
