import { Readable } from 'node:stream';
import { isObservable, Observable, type Subscriber } from 'rxjs';
import type { Boundary, RunIn } from '../transaction/boundary.js';
import { asStreamEnd, IterationWithin, readWithin } from '../transaction/streamed-results.js';

/** What a method may return in place of a promise: the transaction lasts until it ends. */
export type Streamed = Observable<unknown> | AsyncGenerator | Readable;

export function isStreamed(value: unknown): value is Streamed {
  if (value instanceof Promise) return false;
  return isObservable(value) || value instanceof Readable || isAsyncGenerator(value);
}

/** Calls the transactional method as if it returned a promise; `hold` lets it wait for the end of a stream. */
export type CallHolding = (hold: (streamed: Streamed, run: RunIn) => Promise<void>) => Promise<unknown>;

/**
 * What the method returned: its promise, or a stream that stands for the one it returned, inside the transaction. Methods
 * are called synchronously, so whether it is a stream is known when the call comes back.
 */
export function passThrough(call: CallHolding): unknown {
  let held: HeldStream | undefined;
  const finished = call((returned, run) => {
    held ??= new HeldStream(returned, run, call);
    return held.end;
  });
  return held === undefined ? finished : held.outward(finished);
}

/** An async generator that calls its method, and opens the transaction, at the first step. */
export function deferredGenerator(call: CallHolding): AsyncGenerator {
  let opened: AsyncGenerator | undefined;
  let isClosed = false;
  return asGenerator({
    next: async (...value: [] | [unknown]) => {
      if (isClosed) return { done: true, value: undefined };
      opened ??= openGenerator(call);
      return await opened.next(...value);
    },
    // A generator that is returned from, or thrown into, before its first step never runs at all.
    return: async (value: unknown) => {
      isClosed ||= opened === undefined;
      return opened === undefined ? { done: true, value: await value } : await opened.return(value);
    },
    throw: async (error: unknown) => {
      isClosed ||= opened === undefined;
      if (opened === undefined) throw error;
      return await opened.throw(error);
    },
  });
}

/** An Observable that calls its method, in a transaction of its own, at each subscription. */
export function deferredObservable(call: CallHolding): Observable<unknown> {
  return new Observable((subscriber) => {
    const returned = passThrough(call);
    if (isObservable(returned)) return returned.subscribe(subscriber);
    // It is refused, or the method did not return what it declares.
    (returned as Promise<unknown>).then(
      (value) => {
        subscriber.next(value);
        subscriber.complete();
      },
      (error: unknown) => subscriber.error(error),
    );
    return undefined;
  });
}

function openGenerator(call: CallHolding): AsyncGenerator {
  const returned = passThrough(call);
  if (isAsyncGenerator(returned)) return returned;
  return (async function* refused() {
    yield await (returned as Promise<unknown>);
  })();
}

function within(boundary: Boundary, returned: Streamed, call: CallHolding): Streamed {
  if (isObservable(returned)) return observeWithin(boundary, returned, call);
  if (returned instanceof Readable) return readWithin(boundary, returned);
  const iteration = new IterationWithin(boundary, returned);
  return asGenerator(iteration);
}

/** By its tag, a transactional method that returns it in turn sees what it is. */
function asGenerator(
  iteration: Required<Pick<AsyncIterator<unknown>, 'next' | 'return' | 'throw'>>,
): AsyncGenerator {
  return Object.assign(iteration, {
    [Symbol.toStringTag]: 'AsyncGenerator',
    [Symbol.asyncIterator]: () => iteration,
    [Symbol.asyncDispose]: async () => void (await iteration.return(undefined)),
  }) as unknown as AsyncGenerator;
}

/** The first subscription is to what the method returned; each further one calls it again, in its own transaction. */
function observeWithin(
  boundary: Boundary,
  source: Observable<unknown>,
  call: CallHolding,
): Observable<unknown> {
  let isTaken = false;
  return new Observable((subscriber) => {
    if (isTaken) return deferredObservable(call).subscribe(subscriber);
    isTaken = true;
    return subscribeWithin(boundary, source, subscriber);
  });
}

/**
 * Holds each value back until the next one or the end comes, so that the last one is emitted only after COMMIT: whoever
 * takes the only value of a stream and leaves (`firstValueFrom`) can rely on it.
 */
function subscribeWithin(boundary: Boundary, source: Observable<unknown>, subscriber: Subscriber<unknown>) {
  let heldBack: { readonly value: unknown } | undefined;
  let isEnding = false;
  const emit = (): void => {
    if (heldBack !== undefined) subscriber.next(heldBack.value);
  };
  const complete = async (): Promise<void> => {
    isEnding = true;
    await boundary.complete(undefined);
    emit();
    subscriber.complete();
  };
  const fail = async (error: unknown): Promise<void> => {
    isEnding = true;
    subscriber.error(await boundary.fail(error));
  };
  const tell = (failure: unknown): void => subscriber.error(failure);
  const subscription = boundary.run(() =>
    source.subscribe({
      next: (value) => {
        emit();
        heldBack = { value };
      },
      error: (error: unknown) => void fail(error).catch(tell),
      complete: () => void complete().catch(tell),
    }),
  );
  return () => {
    subscription.unsubscribe();
    if (!isEnding) void boundary.fail(new Error('unsubscribed before its end'));
  };
}

/** A stream that a method returned, whose end the transactional call awaits as if it were the method's promise. */
class HeldStream {
  readonly end: Promise<void>;
  readonly #streamed: Streamed;
  #reach!: () => void;
  #miss!: (error: unknown) => void;
  /** The call as a whole: settled when the transaction has ended. */
  #finished!: Promise<unknown>;

  constructor(returned: Streamed, run: RunIn, call: CallHolding) {
    const end = new Promise<void>((resolve, reject) => {
      this.#reach = resolve;
      this.#miss = reject;
    });
    this.end = asStreamEnd(end);
    this.#streamed = within(this.#boundary(run), returned, call);
  }

  outward(finished: Promise<unknown>): Streamed {
    this.#finished = finished;
    // Whoever reads the stream is told; nobody holds this promise.
    finished.catch(() => undefined);
    return this.#streamed;
  }

  #boundary(run: RunIn): Boundary {
    return {
      run,
      complete: async () => {
        this.#reach();
        await this.#finished;
      },
      fail: async (error) => {
        this.#miss(error);
        return await this.#finished.then(
          () => error,
          (told: unknown) => told,
        );
      },
    };
  }
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return Object.prototype.toString.call(value) === '[object AsyncGenerator]';
}
