import {
  ConfigurableModuleBuilder,
  Global,
  Inject,
  Module,
  type DynamicModule,
  type NestModule,
} from '@nestjs/common';
import { ApplicationConfig, DiscoveryModule, HttpAdapterHost } from '@nestjs/core';
import { ExpiredRecordsTimer } from '../idempotency/expired-records-timer.js';
import { IDEMPOTENCY_OPTIONS } from '../idempotency/idempotency-options.js';
import { IdempotencyRecords } from '../idempotency/idempotency-records.js';
import { IdempotentHandlers } from '../idempotency/idempotent-handlers.js';
import { IdempotentInterceptor } from '../idempotency/idempotent.interceptor.js';
import {
  checkHttpVersioningOptions,
  HTTP_VERSIONING_OPTIONS,
  type HttpVersioningOptions,
} from './http-versioning-options.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { VersionedHandlers } from './versioned-handlers.js';

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<HttpVersioningOptions>({
  optionsInjectionToken: HTTP_VERSIONING_OPTIONS,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createHttpVersioningOptions')
  .build();

/**
 * Answers errors as problem details and makes `@Versioned()`, `@IfMatch()` and `@Idempotent()` work, in the whole application, on
 * Express and on Fastify. Import it once, in the root module, beside `TransactionalModule.forRoot()`.
 *
 * @throws InvalidOptionsError at start, for an unknown option or an ill-typed value
 * @example
 * ```ts
 * @Module({
 *   imports: [TypeOrmModule.forRoot({ type: 'postgres' }), TransactionalModule.forRoot(), HttpVersioningModule.forRoot()],
 * })
 * export class AppModule {}
 * ```
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    ProblemDetailsFilter,
    IdempotencyRecords,
    IdempotentHandlers,
    IdempotentInterceptor,
    ExpiredRecordsTimer,
    VersionedHandlers,
    {
      provide: IDEMPOTENCY_OPTIONS,
      useFactory: ({ idempotency }: HttpVersioningOptions) => idempotency ?? {},
      inject: [HTTP_VERSIONING_OPTIONS],
    },
  ],
  exports: [HTTP_VERSIONING_OPTIONS, ProblemDetailsFilter, IdempotencyRecords],
})
export class HttpVersioningModule extends ConfigurableModuleClass implements NestModule {
  constructor(
    @Inject(HTTP_VERSIONING_OPTIONS) private readonly options: HttpVersioningOptions,
    private readonly application: ApplicationConfig,
    private readonly adapterHost: HttpAdapterHost,
    private readonly filter: ProblemDetailsFilter,
    private readonly idempotency: IdempotentInterceptor,
    private readonly idempotentHandlers: IdempotentHandlers,
  ) {
    super();
    checkHttpVersioningOptions(options);
  }

  /**
   * Nest calls it when everything is registered and no route is: the last moment at which the order can be set.
   *
   * @throws InvalidOptionsError for an `@Idempotent()` handler that cannot work
   */
  configure(): void {
    // Nest asks the last filter first, so the application's own filters, however they are registered, go before this one.
    if (this.options.problemDetails !== false) this.application.getGlobalFilters().unshift(this.filter);
    if (this.options.etag?.expressEtag !== 'keep') this.#silenceExpress();
    // What is stored is what is sent, so no interceptor may stand around this one.
    if (this.idempotentHandlers.check(this.options.idempotency) > 0) {
      this.application.getGlobalInterceptors().unshift(this.idempotency);
    }
  }

  #silenceExpress(): void {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.getType() !== 'express') return;
    httpAdapter.getInstance<{ set(name: 'etag', value: false): void }>().set('etag', false);
  }

  /** @throws InvalidOptionsError at once, for an unknown option or an ill-typed value */
  static override forRoot(options: HttpVersioningOptions = {}): DynamicModule {
    checkHttpVersioningOptions(options);
    return super.forRoot(options);
  }
}
