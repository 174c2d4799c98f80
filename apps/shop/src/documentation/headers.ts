import { applyDecorators } from '@nestjs/common';
import { ApiHeader, ApiResponse } from '@nestjs/swagger';

const text = { type: 'string' } as const;

/** Headers of responses, as OpenAPI has them. */
export type Headers = Record<string, { description: string; schema: { type: 'string' | 'integer' } }>;

export const VALIDATORS: Headers = {
  ETag: { description: 'The version, as If-Match takes it', schema: text },
  'Last-Modified': { description: 'When it was changed last', schema: text },
};
export const LOCATION: Headers = { Location: { description: 'Where it is', schema: text } };
export const CONTENT_LOCATION: Headers = {
  'Content-Location': { description: 'Of what this is the content, and ETag the version', schema: text },
};
export const REPLAYED: Headers = {
  'Idempotency-Replayed': { description: '`true`: an earlier request was answered with this', schema: text },
};
export const RETRY_AFTER: Headers = {
  'Retry-After': { description: 'After how many seconds to try again', schema: { type: 'integer' } },
};

/** The change is made if nobody else has changed the resource since. */
export function NeedsIfMatch(): MethodDecorator {
  return ApiHeader({
    name: 'If-Match',
    required: true,
    description: 'The ETag that you have seen: 412 when it is another one now, 428 without it',
    example: '"1"',
  });
}

export function NeedsIdempotencyKey(): MethodDecorator {
  return ApiHeader({
    name: 'Idempotency-Key',
    required: true,
    description: 'A new UUID for each new request, and the same one when you repeat it',
    example: '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
  });
}

/** Whoever has the current version is answered without it. */
export function Revalidates(): MethodDecorator {
  return applyDecorators(
    ApiHeader({ name: 'If-None-Match', required: false, description: 'The ETag of what you have' }),
    ApiResponse({ status: 304, description: 'You have the current version', headers: VALIDATORS }),
  );
}
