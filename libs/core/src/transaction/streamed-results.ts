import { Readable } from 'node:stream';
import type { Boundary } from './boundary.js';

const STREAM_END = Symbol('the end of a stream');

/** Marks a promise that a call waits for because it has handed out a stream. */
export function asStreamEnd(end: Promise<void>): Promise<void> {
  return Object.assign(end, { [STREAM_END]: true });
}

export function isStreamEnd(value: unknown): boolean {
  return value instanceof Promise && STREAM_END in value;
}

/**
 * A stream whose every chunk is read inside `boundary`: completed when it is exhausted, failed when it errs or is destroyed
 * before its end. What COMMIT has to say comes before the end, so whoever reads to the end knows that it is stored.
 */
export function readWithin(boundary: Boundary, source: Readable): Readable {
  const within = new IterationWithin(boundary, source[Symbol.asyncIterator]());
  let isExhausted = false;
  return new Readable({
    objectMode: source.readableObjectMode,
    highWaterMark: source.readableHighWaterMark,
    read() {
      within.next().then(
        ({ done, value }) => {
          isExhausted = done === true;
          this.push(isExhausted ? null : value);
        },
        (error: unknown) => {
          isExhausted = true;
          this.destroy(error as Error);
        },
      );
    },
    destroy(error, done) {
      const end = isExhausted
        ? Promise.resolve()
        : within.abandon(error ?? new Error('destroyed before its end'));
      source.destroy();
      end.then(
        () => done(error),
        () => done(error),
      );
    },
  });
}

/**
 * An iteration whose every step runs inside a boundary: completed when it is exhausted or returned from, failed when it
 * throws.
 */
export class IterationWithin<T, R, N> implements AsyncIterator<T, R, N> {
  /** Goes from false to true exactly once. */
  #isOver = false;

  constructor(
    private readonly boundary: Boundary,
    private readonly source: AsyncIterator<T, R, N>,
  ) {}

  next(...value: [] | [N]): Promise<IteratorResult<T, R>> {
    return this.#step(() => this.source.next(...value));
  }

  return(value: R | PromiseLike<R>): Promise<IteratorResult<T, R>> {
    return this.#step(async () => this.source.return?.(value) ?? { done: true, value: await value });
  }

  throw(error: unknown): Promise<IteratorResult<T, R>> {
    return this.#step(async () => {
      if (this.source.throw === undefined) throw error;
      return await this.source.throw(error);
    });
  }

  /** Nobody reads on: what was done is undone. */
  async abandon(because: Error): Promise<void> {
    await this.boundary.fail(because);
  }

  async #step(advance: () => Promise<IteratorResult<T, R>>): Promise<IteratorResult<T, R>> {
    if (this.#isOver) return { done: true, value: undefined as R };
    let step: IteratorResult<T, R>;
    try {
      step = await this.boundary.run(advance);
    } catch (error) {
      this.#isOver = true;
      throw await this.boundary.fail(error);
    }
    if (step.done === true) {
      this.#isOver = true;
      await this.boundary.complete(step.value);
    }
    return step;
  }
}
