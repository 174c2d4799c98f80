import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import {
  METHOD_METADATA,
  RESPONSE_PASSTHROUGH_METADATA,
  ROUTE_ARGS_METADATA,
  SSE_METADATA,
} from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { ExploredMethod } from './method-explorer.js';

/** A method of a controller, or of a class that might be one. */
export type HandlerMethod = Pick<ExploredMethod, 'prototype' | 'name'>;

/** Whether the method answers requests of a route. */
export function isRouteHandler({ prototype, name }: HandlerMethod): boolean {
  return Reflect.hasMetadata(METHOD_METADATA, handlerOf({ prototype, name }));
}

export function handlerOf({ prototype, name }: HandlerMethod): object {
  return (prototype as Record<string, object>)[name]!;
}

/** By what the handler answers other than by what it returns, in words that follow its name; `undefined` for most. */
export function answersItself(method: HandlerMethod): string | undefined {
  if (Reflect.hasMetadata(SSE_METADATA, handlerOf(method))) return 'is an @Sse() handler';
  const controller = method.prototype.constructor;
  if (Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, controller, method.name)) return undefined;
  const routeArguments = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method.name) as
    Record<string, unknown> | undefined;
  // Keys are `type:index`; those of custom decorators begin with a random id, which may be a digit, too.
  const types = Object.keys(routeArguments ?? {})
    .filter((key) => /^\d+:\d+$/.test(key))
    .map((key) => Number.parseInt(key, 10));
  if (types.includes(RouteParamtypes.RESPONSE)) return 'takes @Res() without { passthrough: true }';
  return types.includes(RouteParamtypes.NEXT) ? 'takes @Next()' : undefined;
}

/**
 * Whether `value` would be sent piece by piece, after everything else is over; then its source is closed, because nobody will
 * read it.
 */
export function discardStream(value: unknown): boolean {
  if (value instanceof StreamableFile) return discardStream(value.getStream());
  if (isWebResponse(value)) discardStream(value.body);
  else if (value instanceof Readable) value.on('error', () => undefined).destroy();
  else if (value instanceof ReadableStream) void value.cancel().catch(() => undefined);
  else if (isAsyncIterable(value)) void close(value[Symbol.asyncIterator]());
  else return false;
  return true;
}

/** By its name, as Nest tells it: it may be that of another implementation. */
function isWebResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === '[object Response]';
}

/** A thenable that is iterable, too, stands for what it resolves to. */
function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Symbol.asyncIterator in value && !('then' in value);
}

async function close(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // It is refused already, and that is what the caller hears of.
  }
}
