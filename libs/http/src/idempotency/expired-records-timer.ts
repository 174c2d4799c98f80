import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { IDEMPOTENCY_OPTIONS, type IdempotencyOptions } from './idempotency-options.js';
import { IdempotencyRecords } from './idempotency-records.js';

/** Deletes expired records every now and then, where `cleanUpEveryMs` asks for it. */
@Injectable()
export class ExpiredRecordsTimer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('HttpVersioningModule');
  #timer: NodeJS.Timeout | undefined;
  /** The deletion that is under way, or was the last one. */
  #deletion: Promise<void> | undefined;

  constructor(
    @Inject(IDEMPOTENCY_OPTIONS) private readonly options: IdempotencyOptions,
    private readonly records: IdempotencyRecords,
  ) {}

  onApplicationBootstrap(): void {
    const { cleanUpEveryMs } = this.options;
    if (cleanUpEveryMs === undefined) return;
    this.#timer = setInterval(() => (this.#deletion ??= this.#deleteExpired()), cleanUpEveryMs);
    this.#timer.unref();
  }

  /** Before the data sources are closed. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#deletion;
  }

  async #deleteExpired(): Promise<void> {
    const { dataSource } = this.options;
    try {
      await this.records.deleteExpired(dataSource === undefined ? {} : { dataSource });
    } catch (error) {
      this.#logger.error('Expired responses could not be deleted; the next attempt comes in time.', error);
    } finally {
      this.#deletion = undefined;
    }
  }
}
