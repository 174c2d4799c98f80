import { StreamableFile } from '@nestjs/common';
import { InvalidOptionsError } from '@nest-transactional/core';
import { AnyResponse } from '../any-response.js';
import type { StoredResponse } from './idempotency-records.js';

/** By which a client knows that it is not the first who gets a response. */
export const REPLAYED_HEADER = 'Idempotency-Replayed';

const JSON_TYPE = 'application/json; charset=utf-8';

/** What describes the representation. `Set-Cookie` and `Date` belong to one response and never to its repetition. */
const REPLAYED: readonly string[] = [
  'Content-Type',
  'Content-Language',
  'Content-Location',
  'Cache-Control',
  'ETag',
  'Last-Modified',
  'Link',
  'Location',
];

/** What Express and Fastify serialise with. */
interface Serializer {
  /** Fastify's: with the schema of the route, which may leave members out. */
  serialize?(value: unknown): string;
  /** Express's. */
  readonly app?: { get(setting: string): unknown };
}

/**
 * What the platform is about to send, as bytes, because a repetition has to be the same in each of them.
 *
 * @param result - what is left of the handler's result after all interceptors
 * @param more - further header fields to keep
 * @throws InvalidOptionsError for bytes and streams
 */
export function captured(result: unknown, platformResponse: object, more: readonly string[]): StoredResponse {
  const response = new AnyResponse(platformResponse);
  const body = bodyOf(result, response, platformResponse);
  const headers: Record<string, string> = {};
  for (const name of [...REPLAYED, ...more]) {
    const value = response.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return { status: response.status, headers, body };
}

/**
 * Prepares the response and returns the body for Nest to send: the first time and every other time the same way.
 */
export function prepared(
  { status, headers, body }: StoredResponse,
  platformResponse: object,
): string | undefined {
  const response = new AnyResponse(platformResponse);
  response.setStatus(status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  return body?.toString();
}

function bodyOf(result: unknown, response: AnyResponse, serializer: Serializer): Buffer | null {
  if (result === undefined || result === null) return null;
  if (isBinary(result)) {
    throw new InvalidOptionsError(
      '@Idempotent(): the handler returned bytes or a stream, which cannot be stored. Return text, or an object.',
      '',
    );
  }
  if (typeof result === 'string') return Buffer.from(result);
  if (response.header('Content-Type') === undefined && isJson(result, serializer)) {
    response.setHeader('Content-Type', JSON_TYPE);
  }
  return Buffer.from(serialized(result, serializer));
}

function isBinary(value: unknown): boolean {
  const isStream =
    typeof (value as { pipe?: unknown }).pipe === 'function' || value instanceof ReadableStream;
  const isBytes = ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob;
  return isStream || isBytes || value instanceof StreamableFile || isIterated(value);
}

/** Piece by piece, or by its own body: as JSON it would be an empty object. */
function isIterated(value: unknown): boolean {
  return (
    (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) ||
    value instanceof Response
  );
}

/** Express sends numbers and the like as text. */
function isJson(value: unknown, serializer: Serializer): boolean {
  return typeof value === 'object' || serializer.serialize !== undefined;
}

function serialized(value: unknown, serializer: Serializer): string {
  if (serializer.serialize !== undefined) return serializer.serialize(value);
  if (typeof value !== 'object') return String(value as number | boolean | bigint);
  const setting = (name: string): unknown => serializer.app?.get(`json ${name}`);
  const text = JSON.stringify(value, setting('replacer') as never, setting('spaces') as never);
  return setting('escape') === true ? text.replaceAll(/[<>&]/g, escaped) : text;
}

function escaped(character: string): string {
  return `\\u00${character.charCodeAt(0).toString(16)}`;
}
