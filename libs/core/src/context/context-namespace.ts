import type { Frame } from './frame.js';

/**
 * Continuation-local storage: carries one frame along an asynchronous call tree. The default is Node's own
 * AsyncLocalStorage.
 *
 * @see https://nodejs.org/docs/latest-v20.x/api/async_context.html
 */
export interface ContextNamespace {
  /** The frame of the running call tree; `undefined` outside of any. */
  readonly frame: Frame | undefined;
  /** Runs `work`, and everything it starts, in `frame`; returns what `work` returns. */
  run<T>(frame: Frame, work: () => T): T;
}
