import {
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { RequestTransactions, TransactionError, TransactionManager } from '@nest-transactional/core';
import { defer, lastValueFrom, type Observable } from 'rxjs';
import { AnyResponse } from '../any-response.js';
import {
  IdempotencyKeyInUseError,
  IdempotencyKeyRequiredError,
  IdempotencyKeyReusedError,
  MalformedHeaderError,
} from '../errors.js';
import { isUnanswered } from '../resource/unanswered.js';
import { HeaderSyntaxError } from '../rfc/header-syntax-error.js';
import { parseIdempotencyKey } from '../rfc/idempotency-key.js';
import {
  IDEMPOTENCY_OPTIONS,
  type IdempotencyOptions,
  type IdempotentOptions,
} from './idempotency-options.js';
import { IdempotencyRecords, KeyTakenError, type StoredResponse } from './idempotency-records.js';
import { idempotentOptionsOf } from './idempotent.decorator.js';
import { identify, type IdempotentRequest, type PlatformRequest } from './idempotent-request.js';
import { captured, prepared, REPLAYED_HEADER } from './response-capture.js';

/** They have no effect that could happen twice. */
const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

const A_DAY = 24 * 60 * 60 * 1000;

/** A request with a key, and how it is handled. */
interface Call {
  readonly context: ExecutionContext;
  readonly next: CallHandler;
  readonly request: IdempotentRequest;
  readonly response: object;
  readonly options: Required<Pick<IdempotentOptions, 'ttlMs' | 'replayedHeaders'>> & IdempotentOptions;
}

/** The response, and whether it is one of an earlier request. */
interface Answer {
  readonly response: StoredResponse;
  readonly isReplayed: boolean;
}

/** Runs what `@Idempotent()` stands on. It has to be the outermost interceptor, for what the inner ones hide must not be stored. */
@Injectable()
export class IdempotentInterceptor implements NestInterceptor {
  constructor(
    @Inject(IDEMPOTENCY_OPTIONS) private readonly defaults: IdempotencyOptions,
    private readonly records: IdempotencyRecords,
    private readonly manager: TransactionManager,
    private readonly transactions: RequestTransactions,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const own =
      context.getType() === 'http'
        ? idempotentOptionsOf(context.getHandler(), context.getClass())
        : undefined;
    // On a controller, it is for those handlers that may have an effect.
    if (own === undefined || isRead(context)) return next.handle();
    const options = { ttlMs: A_DAY, replayedHeaders: [], ...this.defaults, ...own };
    const request = context.switchToHttp().getRequest<PlatformRequest>();
    const key = keyOf(request);
    if (key === undefined && options.required === false) return next.handle();
    if (key === undefined) throw new IdempotencyKeyRequiredError();
    const response = context.switchToHttp().getResponse<object>();
    const call = { context, next, response, options, request: identify(request, key, options.scope) };
    return defer(() => this.#answer(call));
  }

  async #answer(call: Call): Promise<string | undefined> {
    const { response, isReplayed } = await this.#run(call);
    const body = prepared(response, call.response);
    if (isReplayed) new AnyResponse(call.response).setHeader(REPLAYED_HEADER, 'true');
    return body;
  }

  /** Another request may end between the snapshot of the look-up and its lock. What that one has stored is seen by now. */
  async #run(call: Call): Promise<Answer> {
    try {
      return await this.#runOnce(call);
    } catch (error) {
      if (error instanceof KeyTakenError) return await this.#runOnce(call);
      const response = mayComeOfTwin(error) ? await this.#storedOf(call) : undefined;
      if (response === undefined) throw error;
      return { response, isReplayed: true };
    }
  }

  /** What the same request was answered. A handler is likely to fail where another one has done its work already. */
  async #storedOf({ request, options }: Call): Promise<StoredResponse | undefined> {
    // A database that does not answer leaves the first failure as it is.
    const found = await this.records.lookUp(request, options).catch(() => undefined);
    return found?.isStored && found.fingerprint === request.fingerprint ? found : undefined;
  }

  async #runOnce(call: Call): Promise<Answer> {
    const { isolation, dataSource } = call.options;
    const place = dataSource === undefined ? {} : { dataSource };
    const handle = (): Promise<Answer> => this.#handle(call);
    // A request's transaction is what the first call inside it asks for.
    const work = isolation === undefined ? handle : () => this.manager.run({ ...place, isolation }, handle);
    return await this.transactions.run(call.context, work, place);
  }

  /** Runs in the transaction, of which it makes the first statement and the last. */
  async #handle({ next, request, response: platformResponse, options }: Call): Promise<Answer> {
    const found = await this.records.lookUp(request, options);
    if (found.isStored) {
      if (found.fingerprint !== request.fingerprint) throw new IdempotencyKeyReusedError();
      return { response: found, isReplayed: true };
    }
    if (!found.isFree) throw new IdempotencyKeyInUseError();
    const result: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
    const response = captured(result, platformResponse, options.replayedHeaders);
    // The transaction is rolled back for an error's status, too.
    if (response.status < 400) await this.records.store(request, response, options);
    return { response, isReplayed: false };
  }
}

function mayComeOfTwin(failure: unknown): boolean {
  if (isUnanswered(failure)) return false;
  if (failure instanceof IdempotencyKeyInUseError || failure instanceof IdempotencyKeyReusedError)
    return false;
  // What is stored may be one's own.
  return !(failure instanceof TransactionError && ['committed', 'unknown'].includes(failure.outcome));
}

function isRead(context: ExecutionContext): boolean {
  return READS.includes(context.switchToHttp().getRequest<PlatformRequest>().method);
}

function keyOf({ headers }: PlatformRequest): string | undefined {
  try {
    return parseIdempotencyKey(headers['idempotency-key']);
  } catch (error) {
    if (!(error instanceof HeaderSyntaxError)) throw error;
    throw new MalformedHeaderError(error.header, error.reason, error);
  }
}
