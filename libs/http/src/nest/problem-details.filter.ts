import { Catch, Inject, Injectable, IntrinsicException, Logger, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter, type AbstractHttpAdapter } from '@nestjs/core';
import { PROBLEM_JSON, problemDetails, type ProblemFacts } from '../rfc/problem-details.js';
import { AnyResponse } from '../any-response.js';
import { pathOf } from '../request-path.js';
import {
  HTTP_VERSIONING_OPTIONS,
  type HttpVersioningOptions,
  type ProblemDetailsOptions,
} from './http-versioning-options.js';
import { currentVersionOf, problemOf, type Problem } from './problem-of.js';

const DEFAULTS: Required<ProblemDetailsOptions> = {
  typeBase: 'urn:nest-transactional:error:',
  retryAfterSeconds: 1,
  showCurrentVersion: true,
};

/** What a handler has said of a representation that is not sent after all. */
const OF_THE_REPRESENTATION = [
  'ETag',
  'Last-Modified',
  'Content-Length',
  'Content-Encoding',
  'Content-Language',
  'Content-Location',
  'Content-Disposition',
  'Content-Range',
  'Expires',
  'Location',
];

/**
 * Answers every error as `application/problem+json`, byte for byte the same on Express and on Fastify. No SQL, no stack and no
 * message of the database reach the client; an error that nobody has foreseen is a 500 and is logged, as Nest does it.
 *
 * `HttpVersioningModule` puts it behind all filters of the application, so whatever a filter of yours catches stays its own. Errors of
 * GraphQL resolvers, message handlers and gateways are left to Nest.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457
 * @example
 * ```http
 * HTTP/1.1 412 Precondition Failed
 * Content-Type: application/problem+json
 * Cache-Control: no-store
 *
 * {"type":"urn:nest-transactional:error:precondition-failed","title":"Precondition failed","status":412,…}
 * ```
 */
@Catch()
@Injectable()
export class ProblemDetailsFilter extends BaseExceptionFilter {
  readonly #options: Required<ProblemDetailsOptions>;
  readonly #logger = new Logger('ExceptionsHandler');

  constructor(@Inject(HTTP_VERSIONING_OPTIONS) { problemDetails: given }: HttpVersioningOptions) {
    super();
    this.#options = { ...DEFAULTS, ...(typeof given === 'object' && given) };
  }

  override catch(error: unknown, host: ArgumentsHost): void {
    // Nest goes on with its own filter when nothing is returned.
    if (host.getType() !== 'http') return;
    const problem = problemOf(error, this.#options.typeBase);
    // An application may abuse an exception for a redirect.
    if (problem.status < 400 || problem.status > 599) return super.catch(error, host);
    if (problem.isFault && !(error instanceof IntrinsicException)) this.#logger.error(error);
    this.#answer({ ...problem, ...this.#shown(error, problem, host) }, host);
  }

  /** Adds what depends on the request. */
  #shown(error: unknown, { status, extensions }: Problem, host: ArgumentsHost): Partial<ProblemFacts> {
    const request = host.switchToHttp().getRequest<unknown>();
    const instance = pathOf({ url: String(this.#adapter.getRequestUrl(request)) });
    const isShown = (status === 409 || status === 412) && this.#mayShowVersion(request);
    const currentVersion = isShown ? currentVersionOf(error) : undefined;
    return {
      instance,
      extensions: { ...extensions, ...(currentVersion !== undefined && { currentVersion }) },
    };
  }

  #mayShowVersion(request: unknown): boolean {
    const { showCurrentVersion } = this.#options;
    if (typeof showCurrentVersion === 'boolean') return showCurrentVersion;
    try {
      return showCurrentVersion(request as never);
    } catch (error) {
      // Who cannot be asked may not see it; the refusal itself must not become another error.
      this.#logger.error(error);
      return false;
    }
  }

  #answer(facts: ProblemFacts, host: ArgumentsHost): void {
    const response = new AnyResponse(host.switchToHttp().getResponse());
    if (response.isUnderWay) return this.#adapter.end(host.switchToHttp().getResponse());
    for (const name of OF_THE_REPRESENTATION) response.removeHeader(name);
    response.setHeader('Content-Type', PROBLEM_JSON);
    // RFC 6585 §3; and what a 412 tells is true for a moment only.
    if (facts.status === 412 || facts.status === 428) response.setHeader('Cache-Control', 'no-store');
    if (facts.status === 503 && response.header('Retry-After') === undefined) {
      response.setHeader('Retry-After', String(this.#options.retryAfterSeconds));
    }
    response.send(facts.status, Buffer.from(JSON.stringify(problemDetails(facts))));
  }

  get #adapter(): AbstractHttpAdapter {
    return (this.applicationRef ?? this.httpAdapterHost!.httpAdapter) as AbstractHttpAdapter;
  }
}
