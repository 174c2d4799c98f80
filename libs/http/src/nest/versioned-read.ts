import { defer, lastValueFrom, map, reduce, type Observable } from 'rxjs';
import type { EntityManager } from 'typeorm';
import { PreconditionFailedError } from '../errors.js';
import type { RowState, ShownVersion, VersionedRows } from '../resource/versioned-row.js';
import { evaluatePreconditions } from '../rfc/preconditions.js';
import type { Exchange } from './exchange.js';
import { failedHeader } from './failed-header.js';
import type { VersionedOptions } from './versioned.decorator.js';

/** One call of a `@Versioned()` handler. */
export interface VersionedCall {
  readonly exchange: Exchange;
  readonly rows: VersionedRows;
  readonly options: VersionedOptions;
}

/** A GET or HEAD of a versioned resource. */
export class VersionedRead {
  constructor(
    private readonly call: VersionedCall,
    private readonly entityManager: () => EntityManager,
  ) {}

  answer(handle: () => Observable<unknown>): Observable<unknown> {
    this.call.exchange.decideAlone();
    if (this.#readsBefore) return defer(() => this.#answerBehindRead(handle));
    // Most requests come here: every promise on their way would cost all of them.
    return handle().pipe(
      reduce<unknown, unknown>((_before, value) => value, undefined),
      map((result) => this.#conclude(result)),
    );
  }

  async #answerBehindRead(handle: () => Observable<unknown>): Promise<unknown> {
    // A version that is older than the content only means one more request; a newer one would hide a change.
    const before = await this.#versionBefore();
    if (before !== undefined && this.call.options.revalidate === 'version' && this.#hasIt(before))
      return this.#notModified(before);
    return this.#conclude(await lastValueFrom(handle(), { defaultValue: undefined }), before);
  }

  /** Says what the result shows, or that the client has it already. */
  #conclude(result: unknown, before?: RowState): unknown {
    const { exchange, rows } = this.call;
    if (!isSuccess(exchange.response.status)) return result;
    const shown = before ?? rows.shownBy(result, this.#id);
    if (shown === undefined) return result;
    if (this.#hasIt(shown)) return this.#notModified(shown);
    this.#show(shown);
    return result;
  }

  get #id() {
    const { rows, exchange } = this.call;
    return rows.idMap(exchange.id);
  }

  /** Only where the content will not tell the version, or need not be made. */
  get #readsBefore(): boolean {
    const { rows, options, exchange } = this.call;
    return !rows.isOwn || (options.revalidate === 'version' && exchange.isConditional);
  }

  async #versionBefore(): Promise<RowState | undefined> {
    const id = this.#id;
    return id && (await this.call.rows.read(this.entityManager(), id));
  }

  /** @throws PreconditionFailedError when the client wants another version than the current one */
  #hasIt({ version, lastModified }: ShownVersion): boolean {
    const { exchange, rows } = this.call;
    if (!exchange.isConditional) return false;
    const current = { entityTag: exchange.tagOf(version), lastModified };
    const verdict = evaluatePreconditions(exchange.method, exchange.preconditions, current);
    if (verdict === 'failed') {
      const header = failedHeader(exchange.preconditions);
      throw new PreconditionFailedError(header, { entity: rows.name, current: version });
    }
    return verdict === 'not-modified';
  }

  #notModified(shown: ShownVersion): undefined {
    const { response } = this.call.exchange;
    response.setStatus(304);
    response.leaveOutLength();
    this.#show(shown);
    return undefined;
  }

  #show(shown: ShownVersion): void {
    const { exchange } = this.call;
    exchange.showVersion(shown);
    exchange.showFreshness();
  }
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}
