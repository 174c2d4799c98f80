import { createHash, type Hash } from 'node:crypto';
import { UnsupportedMediaTypeException } from '@nestjs/common';
import { InvalidOptionsError } from '@nest-transactional/core';
import { canonicalJson } from './canonical-json.js';
import type { IdempotentOptions } from './idempotency-options.js';

/** What Express's and Fastify's requests have in common. */
export interface PlatformRequest {
  readonly method: string;
  readonly originalUrl: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
}

/** A request under a key. */
export interface IdempotentRequest {
  /** Names the key in its scope: a digest, because both may be longer than an index allows. */
  readonly id: string;
  /** By which simultaneous requests exclude each other. Keys may share one; that only costs a needless 409. */
  readonly lock: string;
  /** What another request under the same key must equal. */
  readonly fingerprint: string;
}

/**
 * @throws UnsupportedMediaTypeException when the body is not parsed before interceptors are called, so that it cannot be compared
 * @throws InvalidOptionsError when `scope` tells no caller
 */
export function identify(
  request: PlatformRequest,
  key: string,
  scope: IdempotentOptions['scope'],
): IdempotentRequest {
  const name =
    scope === undefined ? `${request.method} ${pathOf(request.originalUrl)}` : callerOf(request, scope);
  const digest = digestOf([name, key]).digest();
  return {
    id: digest.toString('base64url'),
    lock: digest.readBigInt64BE().toString(),
    fingerprint: fingerprintOf(request),
  };
}

function callerOf(request: PlatformRequest, scope: NonNullable<IdempotentOptions['scope']>): string {
  const caller: unknown = scope(request as never);
  if (typeof caller === 'string' && caller.length > 0) return caller;
  throw new InvalidOptionsError(
    '@Idempotent(): scope returned no text for a request. Return what tells its caller from all others.',
    'scope',
  );
}

function fingerprintOf(request: PlatformRequest): string {
  const { method, originalUrl, headers } = request;
  const type = String(headers['content-type'] ?? '').toLowerCase();
  return digestOf([method, originalUrl, type]).update(bytesOf(request)).digest('base64url');
}

/** Each part with its length, so that no two lists of parts run together to the same text. */
function digestOf(parts: readonly string[]): Hash {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${part.length}:${part}`);
  return digest;
}

function bytesOf({ headers, body }: PlatformRequest): string | Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body !== undefined && body !== null) return canonicalJson(body);
  const isSent = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!isSent) return '';
  throw new UnsupportedMediaTypeException(
    'A request with an Idempotency-Key has a body that the server reads at once, such as JSON.',
  );
}

function pathOf(url: string): string {
  return url.split('?', 1)[0]!;
}
