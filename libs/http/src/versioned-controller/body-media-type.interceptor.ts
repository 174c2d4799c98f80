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
import { AnyResponse } from '../any-response.js';
import { MERGE_PATCH, parseOnExpress, parseOnFastify } from './merge-patch-parsers.js';

/** What a body of each method may be. */
const MEDIA_TYPES: Readonly<Record<string, readonly string[]>> = {
  POST: ['application/json'],
  PUT: ['application/json'],
  PATCH: [MERGE_PATCH, 'application/json'],
};

interface Request {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/**
 * Lets the platform read merge patches, and refuses what is no JSON with 415.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5789#section-2.2
 */
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
    assertReadable(request, response);
    if (this.host.httpAdapter.getType() !== 'express' || mediaTypeOf(request) !== MERGE_PATCH)
      return next.handle();
    const parsed = defer(() => from(parseOnExpress(this.host.httpAdapter, request, response)));
    return parsed.pipe(mergeMap(() => next.handle()));
  }
}

/** @throws UnsupportedMediaTypeException, BadRequestException where there is no body: Express would make an object of it */
function assertReadable(request: Request, response: object): void {
  const readable = MEDIA_TYPES[request.method];
  if (readable === undefined) return;
  if (!hasBody(request)) throw new BadRequestException('The body must be a JSON object.');
  if (readable.includes(mediaTypeOf(request))) return;
  if (request.method === 'PATCH') new AnyResponse(response).setHeader('Accept-Patch', readable.join(', '));
  throw new UnsupportedMediaTypeException(`A ${request.method} takes ${readable.join(' or ')}.`);
}

function mediaTypeOf({ headers }: Request): string {
  return (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
