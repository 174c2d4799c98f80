import { createHash } from 'node:crypto';
import type { ExecutionContext } from '@nestjs/common';
import { AnyResponse } from '../any-response.js';
import type { Version } from '@nest-transactional/core';
import type { ShownVersion } from '../resource/versioned-row.js';
import { tagOfVersion } from '../resource/version-tags.js';
import { formatEntityTag, type EntityTag } from '../rfc/entity-tag.js';
import { formatHttpDate } from '../rfc/http-date.js';
import { parsePreconditions, type Preconditions, type RequestHeaders } from '../rfc/preconditions.js';
import { mergeVary } from '../rfc/vary.js';
import { pathOf } from '../request-path.js';
import { asMalformedHeader } from './malformed-header.js';
import type { VersionedOptions } from './versioned.decorator.js';

/** A request as Express and Fastify both have it. */
export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly originalUrl?: string;
  readonly headers: RequestHeaders;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** Methods that are only asked to read. @see RFC 9110 §9.2.1 */
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'];

/** One request to a versioned resource, and what its response says about the version. */
export class Exchange {
  readonly request: HttpRequest;
  readonly response: AnyResponse;
  /** @throws MalformedHeaderError when a condition cannot be read */
  readonly preconditions: Preconditions;
  readonly #options: VersionedOptions;
  /** What a failure has to take back. */
  readonly #replaced = new Map<string, string | undefined>();

  /** @param isDated - whether a date of the last change is known; conditions on one that is not are ignored (RFC 9110 §13.1.4) */
  constructor(context: ExecutionContext, options: VersionedOptions, isDated: boolean) {
    const http = context.switchToHttp();
    this.request = http.getRequest<HttpRequest>();
    this.response = new AnyResponse(http.getResponse());
    this.#options = options;
    const all = asMalformedHeader(() => parsePreconditions(this.request.headers));
    const { ifMatch, ifNoneMatch } = all;
    this.preconditions = isDated ? all : { ifMatch, ifNoneMatch };
  }

  get method(): string {
    return this.request.method;
  }

  /** Whether the request has any condition. */
  get isConditional(): boolean {
    const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = this.preconditions;
    return (ifMatch ?? ifNoneMatch ?? ifModifiedSince ?? ifUnmodifiedSince) !== undefined;
  }

  get isSafe(): boolean {
    return SAFE_METHODS.includes(this.method);
  }

  /** What the request says the primary key is; `undefined` where it says none. */
  get id(): unknown {
    const { id = 'params.id' } = this.#options;
    if (typeof id === 'function') return id(this.request);
    const [source, name] = id.split('.') as ['params' | 'query' | 'body', string];
    const values = this.request[source] as Readonly<Record<string, unknown>> | undefined;
    return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
  }

  /** The entity tag that this client's representation of the version has. */
  tagOf(version: Version): EntityTag {
    return tagOfVersion(version, this.#variant);
  }

  /** Express would evaluate the conditions again when it sends, as it and `Date.parse()` read them. */
  decideAlone(): void {
    if ('fresh' in this.request) Object.defineProperty(this.request, 'fresh', { value: false });
  }

  /** Says which version the response is about. */
  showVersion({ version, lastModified }: ShownVersion): void {
    this.#setHeader('ETag', formatEntityTag(this.tagOf(version)));
    if (lastModified !== undefined) this.#setHeader('Last-Modified', formatHttpDate(lastModified));
    const { vary } = this.#options;
    if (vary !== undefined) this.#setHeader('Vary', mergeVary(this.response.header('Vary'), vary));
  }

  /** Says how long a representation may be kept, unless the handler did. */
  showFreshness(): void {
    const { cacheControl = 'private, no-cache' } = this.#options;
    if (this.response.header('Cache-Control') === undefined) this.#setHeader('Cache-Control', cacheControl);
  }

  /**
   * Says that the content is what GET would give. Only then may a response to PUT carry validators.
   *
   * @see RFC 9110 §8.7, §9.3.4
   */
  showLocation(): void {
    if (this.response.header('Content-Location') !== undefined) return;
    this.#setHeader('Content-Location', pathOf(this.request));
  }

  /** The response will be about a failure. */
  takeBack(): void {
    for (const [name, before] of this.#replaced) {
      this.response.removeHeader(name);
      if (before !== undefined) this.response.setHeader(name, before);
    }
    this.#replaced.clear();
  }

  #setHeader(name: string, value: string): void {
    if (this.response.isUnderWay) return;
    if (!this.#replaced.has(name)) this.#replaced.set(name, this.response.header(name));
    this.response.setHeader(name, value);
  }

  get #variant(): string | undefined {
    const { vary, variant } = this.#options;
    if (vary === undefined && variant === undefined) return undefined;
    const values = (vary ?? []).map((name) => this.request.headers[name.toLowerCase()] ?? null);
    const all = JSON.stringify([...values, variant?.(this.request) ?? null]);
    return createHash('sha256').update(all).digest('hex').slice(0, 12);
  }
}
