import type { Clock } from '../../transaction/clock.js';

/** How many conflicts within {@link MEMORY_MS} make a row hot. */
const ENOUGH = 3;
/** How long a conflict is remembered, in milliseconds. */
const MEMORY_MS = 1000;
/** A queue is worth while only where somebody else may stand in it: so many transactions must be under way. */
const A_CROWD = 4;
/** How many rows are remembered at most. */
const MOST_ROWS = 1000;

interface Conflicts {
  count: number;
  lastAt: number;
}

export interface HotRowsParts {
  readonly clock: Clock;
  /** How many transactions are under way. */
  readonly running: () => number;
}

/** Rows at which one and the same method keeps meeting conflicts. */
export class HotRows {
  readonly #conflicts = new Map<string, Conflicts>();

  constructor(private readonly parts: HotRowsParts) {}

  noteConflict(method: string, row: string): void {
    const name = nameOf(method, row);
    const now = this.parts.clock.now();
    const known = this.#recent(name, now);
    this.#conflicts.delete(name);
    this.#conflicts.set(name, { count: (known?.count ?? 0) + 1, lastAt: now });
    // The one that was heard of longest ago.
    if (this.#conflicts.size > MOST_ROWS) this.#conflicts.delete(this.#conflicts.keys().next().value!);
  }

  /** Nothing to look up. */
  get areNone(): boolean {
    return this.#conflicts.size === 0;
  }

  isHot(method: string, row: string): boolean {
    if (this.parts.running() < A_CROWD) return false;
    const known = this.#recent(nameOf(method, row), this.parts.clock.now());
    return known !== undefined && known.count >= ENOUGH;
  }

  #recent(name: string, now: number): Conflicts | undefined {
    const known = this.#conflicts.get(name);
    return known !== undefined && now - known.lastAt < MEMORY_MS ? known : undefined;
  }
}

function nameOf(method: string, row: string): string {
  return `${method} ${row}`;
}
