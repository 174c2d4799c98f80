import {
  BadRequestException,
  Injectable,
  UnsupportedMediaTypeException,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { defer, from, mergeMap, type Observable } from 'rxjs';
import { MERGE_PATCH, parseOnExpress, parseOnFastify, PATCH_TYPES } from './merge-patch-parsers.js';

/** What a body of each method may be. */
const MEDIA_TYPES: Readonly<Record<string, readonly string[]>> = {
  POST: ['application/json'],
  PUT: ['application/json'],
  PATCH: PATCH_TYPES,
};

interface Request {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Lets the platform read merge patches, and refuses what is no JSON with 415. */
@Injectable()
export class BodyMediaTypeInterceptor implements NestInterceptor, OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    if (this.host.httpAdapter?.getType() === 'fastify') parseOnFastify(this.host.httpAdapter);
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<object>();
    assertReadable(request);
    if (this.host.httpAdapter.getType() !== 'express' || mediaTypeOf(request) !== MERGE_PATCH)
      return next.handle();
    const parsed = defer(() => from(parseOnExpress(this.host.httpAdapter, request, response)));
    return parsed.pipe(mergeMap(() => next.handle()));
  }
}

/** @throws UnsupportedMediaTypeException, BadRequestException where there is no body: Express would make an object of it */
function assertReadable(request: Request): void {
  const readable = MEDIA_TYPES[request.method];
  if (readable === undefined) return;
  if (!hasBody(request)) throw new BadRequestException('The body must be a JSON object.');
  if (readable.includes(mediaTypeOf(request))) return;
  // In the words that the platform's own refusals have, which come first for types that it has no parser for.
  throw new UnsupportedMediaTypeException('The server does not read bodies of this media type or encoding.');
}

function mediaTypeOf({ headers }: Request): string {
  return (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
