import { Injectable } from '@nestjs/common';
import {
  METHOD_METADATA,
  REDIRECT_METADATA,
  RENDER_METADATA,
  RESPONSE_PASSTHROUGH_METADATA,
  ROUTE_ARGS_METADATA,
  SSE_METADATA,
} from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { InvalidOptionsError } from '@nest-transactional/core';
import type { IdempotencyOptions, IdempotentOptions } from './idempotency-options.js';
import { IdempotencyRecords } from './idempotency-records.js';
import { idempotentOptionsOf } from './idempotent.decorator.js';

/** A handler that `@Idempotent()` stands on. */
interface IdempotentHandler {
  /** `Class.method` */
  readonly name: string;
  readonly options: IdempotentOptions;
}

/** Finds what is decorated, before the first request. */
@Injectable()
export class IdempotentHandlers {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly records: IdempotencyRecords,
  ) {}

  /**
   * @returns how many there are
   * @throws InvalidOptionsError for a handler that answers otherwise than by what it returns, or whose data source keeps no records
   */
  check(defaults: IdempotencyOptions = {}): number {
    const handlers = this.#all();
    for (const { name, options } of handlers) {
      this.records.checkDataSource(`@Idempotent() on ${name}`, options.dataSource ?? defaults.dataSource);
    }
    return handlers.length;
  }

  #all(): readonly IdempotentHandler[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (typeof metatype !== 'function') return [];
      const methods = this.scanner.getAllMethodNames(metatype.prototype as object);
      return methods.flatMap((method) => idempotentHandlerOf(metatype, method) ?? []);
    });
  }
}

function idempotentHandlerOf(controller: Function, method: string): IdempotentHandler | undefined {
  const handler = (controller.prototype as Record<string, object>)[method]!;
  const options = idempotentOptionsOf(handler, controller);
  if (options === undefined || !Reflect.hasMetadata(METHOD_METADATA, handler)) return undefined;
  const name = `${controller.name}.${method}`;
  const obstacle =
    ANSWERED_BY.find(([key]) => Reflect.hasMetadata(key, handler))?.[1] ?? takenBy(controller, method);
  if (obstacle === undefined) return { name, options };
  throw new InvalidOptionsError(
    `@Idempotent() on ${name}: a handler with ${obstacle} answers otherwise than by what it returns, so its response cannot be stored. ` +
      `Return the body, and set status and headers with @HttpCode(), @Header() or @Res({ passthrough: true }).`,
    obstacle,
  );
}

function takenBy(controller: Function, method: string): string | undefined {
  if (Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, controller, method) === true) return undefined;
  const taken = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) ?? {}) as object;
  // Keys are `type:index`; those of custom decorators begin with a random id, which may be a digit, too.
  const types = Object.keys(taken)
    .filter((key) => /^\d+:\d+$/.test(key))
    .map((key) => Number.parseInt(key, 10));
  if (types.includes(RouteParamtypes.RESPONSE)) return '@Res()';
  return types.includes(RouteParamtypes.NEXT) ? '@Next()' : undefined;
}

const ANSWERED_BY: readonly (readonly [string, string])[] = [
  [SSE_METADATA, '@Sse()'],
  [RENDER_METADATA, '@Render()'],
  [REDIRECT_METADATA, '@Redirect()'],
];
