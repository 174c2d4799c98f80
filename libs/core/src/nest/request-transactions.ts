import { Injectable, type ExecutionContext } from '@nestjs/common';
import { UnsupportedResponseError } from '../errors.js';
import { TransactionManager } from '../typeorm/transaction-manager.js';
import { answersItself, discardStream, type HandlerMethod } from './answering-handlers.js';
import { watchClient } from './client-connection.js';
import { rememberHeaders } from './response-headers.js';
import { RequestIds } from './request-ids.js';

/** How a request's transaction begins and fails. */
export interface RequestTransactionOptions {
  /** Begins it READ ONLY: the server refuses every write. @defaultValue `false` */
  readonly readOnly?: boolean;
  /** How often the handler is called again after a serialization failure, a deadlock or a conflict. @defaultValue the module's */
  readonly retry?: number | false;
  /** Which data source. @defaultValue the first enlisted one */
  readonly dataSource?: string;
  /**
   * Called when the transaction was rolled back with what it failed with, outside of it: what it returns is thrown instead.
   * @defaultValue the failure itself
   */
  readonly explain?: (failure: unknown) => Promise<unknown>;
}

/** What is known of a request that runs in a transaction. */
interface RunningRequest {
  readonly explanations: NonNullable<RequestTransactionOptions['explain']>[];
}

/**
 * Runs a request's handler in one transaction, as `request: { mode: 'atomic' }` does, for interceptors that decide by
 * themselves which requests need one. `@Transactional()` methods inside join it; what they ask for (an isolation level before
 * the first statement, a retry) holds for the whole request.
 */
@Injectable()
export class RequestTransactions {
  /** By the response, and for each data source. */
  readonly #running = new WeakMap<object, Map<object, RunningRequest>>();

  constructor(
    private readonly manager: TransactionManager,
    private readonly ids: RequestIds,
  ) {}

  /**
   * Runs `work` and resolves with its result after COMMIT. A status of 400 or more at its end rolls back and resolves all the
   * same. When the client closes the connection, the running statement is cancelled and everything is rolled back. In a
   * request that runs in such a transaction already, it joins. `work` is called again where a retry was asked for.
   *
   * @throws RequestAbortedError when the client is gone
   * @throws UnsupportedResponseError when `work` resolves with a stream
   * @example
   * ```ts
   * @Injectable()
   * export class AtomicPatches implements NestInterceptor {
   *   constructor(private readonly transactions: RequestTransactions) {}
   *
   *   intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
   *     return defer(() => this.transactions.run(context, () => lastValueFrom(next.handle())));
   *   }
   * }
   * ```
   */
  async run<T>(
    context: ExecutionContext,
    work: () => Promise<T>,
    { explain, ...options }: RequestTransactionOptions = {},
  ): Promise<T> {
    const call = {
      label: labelOf(context),
      response: context.switchToHttp().getResponse<Response>(),
      options,
    };
    const { dataSource } = options;
    const running = this.#runningIn(call.response, dataSource);
    if (running === undefined) {
      const requestId = this.ids.of(context);
      const begin = (): Promise<T> => this.#begin(call, explain, work);
      // As a rule, its context is open.
      if (this.manager.requestId === requestId) return await begin();
      return await this.manager.withContext(begin, { requestId });
    }
    if (explain !== undefined) running.explanations.push(explain);
    return await this.manager.runRequest(call.label, options, work);
  }

  /** @throws UnsupportedResponseError that names every handler which would answer by itself */
  assertSupported(handlers: readonly HandlerMethod[]): void {
    const refused = handlers.flatMap((handler) => {
      const what = answersItself(handler);
      return what === undefined ? [] : [{ name: nameOf(handler), what }];
    });
    if (refused.length === 0) return;
    throw new UnsupportedResponseError(refused.map(({ name }) => name).join(', '), {
      what: [...new Set(refused.map(({ what }) => what))].join(', or '),
      outcome: 'not-started',
    });
  }

  #runningIn(response: object, dataSource: string | undefined): RunningRequest | undefined {
    const running = this.#running.get(response)?.get(this.#placeOf(dataSource));
    return running !== undefined && this.manager.surroundingScope(dataSource)?.isOpen ? running : undefined;
  }

  async #begin<T>(
    { label, response, options }: RequestCall,
    explain: RequestTransactionOptions['explain'],
    work: () => Promise<T>,
  ): Promise<T> {
    const explanations = explain === undefined ? [] : [explain];
    const own = explanations.length;
    this.#note(response, options.dataSource, { explanations });
    const { signal, leave } = watchClient(response as never);
    const { statusCode } = response;
    const restoreHeaders = rememberHeaders(response as never);
    let tries = 0;
    try {
      return await this.manager.runRequest(
        label,
        { ...options, signal, rollbackFor: ErrorAnswer },
        async () => {
          explanations.splice(own);
          // A further try answers as if it was the first.
          if (tries++ > 0) restoreHeaders();
          response.statusCode = statusCode;
          return keepable(await work(), { label, response });
        },
      );
    } catch (failure) {
      if (failure instanceof ErrorAnswer) return failure.result as T;
      throw await explained(failure, explanations);
    } finally {
      leave();
    }
  }

  #note(response: object, dataSource: string | undefined, request: RunningRequest): void {
    const all = this.#running.get(response) ?? new Map<object, RunningRequest>();
    this.#running.set(response, all.set(this.#placeOf(dataSource), request));
  }

  /** The same whether it is named or left out. */
  #placeOf(dataSource: string | undefined): object {
    return this.manager.entityManager(dataSource).connection;
  }
}

interface Response {
  statusCode: number;
}

interface RequestCall {
  readonly label: string;
  readonly response: Response;
  readonly options: Omit<RequestTransactionOptions, 'explain'>;
}

/** Rolls back a request that is answered with an error's status, and is no error otherwise. */
class ErrorAnswer extends Error {
  constructor(readonly result: unknown) {
    super('the response has the status of an error');
  }
}

/** @throws what keeps the result from being committed */
function keepable<T>(result: T, { label, response }: Pick<RequestCall, 'label' | 'response'>): T {
  if (discardStream(result)) {
    throw new UnsupportedResponseError(label, { what: 'returned a stream', outcome: 'rolled-back' });
  }
  if (response.statusCode >= 400) throw new ErrorAnswer(result);
  return result;
}

async function explained(failure: unknown, explanations: RunningRequest['explanations']): Promise<unknown> {
  let explanation = failure;
  for (const explain of explanations) explanation = await explain(explanation);
  return explanation;
}

function labelOf(context: ExecutionContext): string {
  return `${context.getClass().name}.${context.getHandler().name}`;
}

function nameOf({ prototype, name }: HandlerMethod): string {
  return `${prototype.constructor.name}.${name}`;
}
