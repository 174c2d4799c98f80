import {
  ConfigurableModuleBuilder,
  Global,
  Inject,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type NestInterceptor,
  type NestModule,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_INTERCEPTOR, DiscoveryModule, ModuleRef } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { InvalidOptionsError } from '../errors.js';
import {
  aDuration,
  anObject,
  aString,
  checkOptions,
  checkTransactionOptions,
  listOf,
  oneOf,
  type Schema,
} from '../transaction/check-options.js';
import { BEHAVIOUR_OPTIONS, enlistAll, type EnlistOptions } from '../typeorm/enlist.js';
import { TransactionManager } from '../typeorm/transaction-manager.js';
import { handlerOf, isRouteHandler, type HandlerMethod } from './answering-handlers.js';
import { MANAGER } from './manager-token.js';
import { MethodExplorer } from './method-explorer.js';
import { isNonAtomic } from './non-atomic.decorator.js';
import { RequestIds } from './request-ids.js';
import { RequestTransactions } from './request-transactions.js';
import { RouteContexts } from './route-contexts.js';
import { transactionalOptionsOf } from './transactional.decorator.js';
import { TransactionalEvents } from './transactional-events.js';
import { nestLog } from './nest-log.js';
import { RequestContextInterceptor } from './request-context.interceptor.js';

/** What `TransactionalModule.forRoot()` takes; everything may be left out. */
export interface TransactionalModuleOptions extends Pick<
  EnlistOptions,
  | 'defaults'
  | 'namespace'
  | 'logging'
  | 'outcomeTracking'
  | 'begin'
  | 'connectionWaitMs'
  | 'nestedWaitMs'
  | 'versions'
  | 'fastPaths'
> {
  /** Names as `@nestjs/typeorm` knows them; the first is the default one. @defaultValue `['default']` */
  readonly dataSources?: readonly string[];
  /** What is done for each request. */
  readonly request?: {
    /**
     * `opt-in`: opens a context and names the request; `atomic`: also runs each HTTP request in one transaction, which is
     * committed before the first byte of the response is sent, rolled back on an exception and on a status of 400 or more,
     * and READ ONLY for safe methods (GET, HEAD, …); `off`: does nothing. Handlers that stream or answer by themselves are
     * refused with `atomic`, unless {@link NonAtomic} takes them out. @defaultValue `'opt-in'`
     */
    readonly mode?: 'opt-in' | 'atomic' | 'off';
  };
  /**
   * How long `app.close()` waits for running transactions before it rolls them back, in milliseconds. New ones are refused
   * meanwhile with a `ShutdownError`. @defaultValue `10000`
   */
  readonly shutdownGraceMs?: number;
}

const MODULE_OPTIONS: Schema<TransactionalModuleOptions> = {
  ...BEHAVIOUR_OPTIONS,
  dataSources: listOf(aString),
  shutdownGraceMs: aDuration,
  request: anObject('an object such as { mode: "opt-in" }'),
};

const REQUEST_OPTIONS: Schema<NonNullable<TransactionalModuleOptions['request']>> = {
  mode: oneOf('opt-in', 'atomic', 'off'),
};

const CONTEXT_INTERCEPTOR = Symbol('RequestContextInterceptor');

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<TransactionalModuleOptions>()
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createTransactionalOptions')
    .build();

/**
 * Enlists the DataSources that `TypeOrmModule` made, before any `onModuleInit`, and provides {@link TransactionManager}
 * to the whole application. Import it once, in the root module, beside `TypeOrmModule.forRoot()`.
 *
 * @throws InvalidOptionsError at start, for an unknown option or a data source that `TypeOrmModule` did not make
 * @example
 * ```ts
 * @Module({ imports: [TypeOrmModule.forRoot({ type: 'postgres' }), TransactionalModule.forRoot()] })
 * export class AppModule {}
 * ```
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    MethodExplorer,
    RequestIds,
    RequestTransactions,
    TransactionalEvents,
    { provide: TransactionManager, useFactory: createManager, inject: [MODULE_OPTIONS_TOKEN, ModuleRef] },
    { provide: MANAGER, useExisting: TransactionManager },
    RouteContexts,
    { provide: APP_INTERCEPTOR, useExisting: CONTEXT_INTERCEPTOR },
    {
      provide: CONTEXT_INTERCEPTOR,
      useFactory: createInterceptor,
      inject: [MODULE_OPTIONS_TOKEN, TransactionManager, RequestIds, RequestTransactions],
    },
  ],
  exports: [TransactionManager, MANAGER, TransactionalEvents, RequestTransactions],
})
export class TransactionalModule
  extends ConfigurableModuleClass
  implements NestModule, OnModuleInit, BeforeApplicationShutdown
{
  constructor(
    private readonly manager: TransactionManager,
    private readonly methods: MethodExplorer,
    private readonly requests: RequestTransactions,
    private readonly routes: RouteContexts,
    @Inject(CONTEXT_INTERCEPTOR) private readonly interceptor: NestInterceptor,
    @Inject(MODULE_OPTIONS_TOKEN) private readonly options: TransactionalModuleOptions,
  ) {
    super();
  }

  /** Nest calls it when everything is registered and no route is. */
  configure(): void {
    const { mode = 'opt-in' } = this.options.request ?? {};
    if (mode === 'opt-in') this.routes.spareRoutes(this.interceptor);
    if (mode === 'off') this.routes.leaveOut(this.interceptor);
  }

  /**
   * @throws InvalidOptionsError when a decorated method's options cannot work in this application
   * @throws UnsupportedResponseError when a handler answers by itself in an atomic request
   */
  onModuleInit(): void {
    this.routes.endOfRoutes();
    const methods = this.methods.all();
    for (const { prototype, name } of methods) {
      const decorated = transactionalOptionsOf(prototype, name);
      if (decorated !== undefined) this.manager.checkMethod(decorated.label, decorated.options);
    }
    if (this.options.request?.mode !== 'atomic') return;
    this.requests.assertSupported(methods.filter((each) => isRouteHandler(each) && !isTakenOut(each)));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.manager.shutDown(this.options.shutdownGraceMs);
  }

  /** @throws InvalidOptionsError at once, for an unknown option or an ill-typed value */
  static override forRoot(options: TransactionalModuleOptions = {}): DynamicModule {
    checkModuleOptions(options);
    return super.forRoot(options);
  }
}

async function createManager(
  options: TransactionalModuleOptions,
  moduleRef: ModuleRef,
): Promise<TransactionManager> {
  checkModuleOptions(options);
  const {
    dataSources: names = ['default'],
    request: _request,
    shutdownGraceMs: _graceMs,
    ...behaviour
  } = options;
  const dataSources = await dataSourcesNamed(names, moduleRef);
  return enlistAll(dataSources, { ...behaviour, log: nestLog() });
}

function createInterceptor(
  { request }: TransactionalModuleOptions,
  ...[manager, ids, transactions]: [TransactionManager, RequestIds, RequestTransactions]
): NestInterceptor {
  if (request?.mode === 'off') return PASS_THROUGH;
  return new RequestContextInterceptor(manager, ids, request?.mode === 'atomic' ? transactions : undefined);
}

function isTakenOut(method: HandlerMethod): boolean {
  return isNonAtomic(method.prototype.constructor, handlerOf(method));
}

const PASS_THROUGH: NestInterceptor = { intercept: (_context, next) => next.handle() };

/** Their names are known only now, so they cannot stand in `inject`; a class made for the purpose has them injected. */
async function dataSourcesNamed(
  names: readonly string[],
  moduleRef: ModuleRef,
): Promise<Map<string, DataSource>> {
  class EnlistedDataSources {
    readonly all: readonly DataSource[];
    constructor(...all: DataSource[]) {
      this.all = all;
    }
  }
  names.forEach((name, index) => Inject(getDataSourceToken(name))(EnlistedDataSources, undefined, index));
  try {
    const { all } = await moduleRef.create(EnlistedDataSources);
    return new Map(names.map((name, index) => [name, all[index]!]));
  } catch (cause) {
    throw missingDataSource(names, cause);
  }
}

function missingDataSource(names: readonly string[], cause: unknown): InvalidOptionsError {
  const list = names.map((name) => `'${name}'`).join(', ');
  return Object.assign(
    new InvalidOptionsError(
      `TransactionalModule cannot find the data source ${list}. Import TypeOrmModule.forRoot(…) beside it, with the ` +
        `same name where it is not 'default'.`,
      'dataSources',
    ),
    { cause },
  );
}

function checkModuleOptions(options: unknown): asserts options is TransactionalModuleOptions {
  const where = 'TransactionalModule.forRoot()';
  checkOptions(where, options, MODULE_OPTIONS);
  if (options.defaults !== undefined) checkTransactionOptions(`${where} defaults`, options.defaults);
  if (options.request !== undefined) checkOptions(`${where} request`, options.request, REQUEST_OPTIONS);
}
