import type { Clock } from './clock.js';

/** How long a call may take, over all its attempts; the time runs from when the first statement asks for a connection. */
export class Deadline {
  #endsAt: number | undefined;
  #callOff: (() => void) | undefined;
  #onExpiry: (() => void) | undefined;

  constructor(
    readonly timeoutMs: number,
    private readonly clock: Clock,
  ) {}

  /** What is left, in milliseconds; all of it before the first statement, negative when it is over. */
  get remainingMs(): number {
    return this.#endsAt === undefined ? this.timeoutMs : this.#endsAt - this.clock.now();
  }

  /** Starts the time; a further attempt goes on with what is left. */
  start(): void {
    this.#endsAt ??= this.clock.now() + this.timeoutMs;
    this.#callOff ??= this.clock.after(Math.max(0, this.remainingMs), () => this.#onExpiry?.());
  }

  /** What happens when the time is over: one attempt at a time listens. */
  listen(onExpiry: () => void): void {
    this.#onExpiry = onExpiry;
  }

  /** Stops the alarm, not the time: a further attempt starts it again. */
  stop(): void {
    this.#onExpiry = undefined;
    this.#callOff?.();
    this.#callOff = undefined;
  }
}
