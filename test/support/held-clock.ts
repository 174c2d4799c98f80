import type { Clock } from '@nest-transactional/core';

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

/** Time that passes only when a test says so. */
export class HeldClock implements Clock {
  #now = 0;
  readonly #alarms = new Set<Alarm>();

  /** How many alarms are set. */
  get alarms(): number {
    return this.#alarms.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, ring: () => void): () => void {
    const alarm = { at: this.#now + ms, ring };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Lets `ms` pass; alarms ring in their order. */
  pass(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at);
      this.#alarms.delete(next);
      next.ring();
    }
    this.#now = end;
  }

  #next(until: number): Alarm | undefined {
    const due = [...this.#alarms].filter(({ at }) => at <= until);
    return due.toSorted((one, other) => one.at - other.at)[0];
  }
}

/** Skips the pauses: what is to happen after one happens in the next turn. Every other wait never ends. */
export class SkippingClock implements Clock {
  /** How long each pause would have been. */
  readonly skipped: number[] = [];
  #now = 0;

  constructor(private readonly isPause: (ms: number) => boolean) {}

  now(): number {
    return this.#now;
  }

  after(ms: number, ring: () => void): () => void {
    if (!this.isPause(ms)) return () => undefined;
    const turn = setImmediate(() => {
      this.skipped.push(ms);
      this.#now += ms;
      ring();
    });
    return () => clearImmediate(turn);
  }
}
