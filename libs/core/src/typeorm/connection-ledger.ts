import { ConnectionStarvationError } from '../errors.js';
import type { Clock } from '../transaction/clock.js';
import type { Transaction } from '../transaction/transaction.js';
import type { PgPool } from './pg-client.js';

export interface LedgerParts {
  readonly clock: Clock;
  readonly pool: () => PgPool;
  /** How long a call that holds one connection waits for another, in milliseconds. */
  readonly connectionWaitMs: number;
}

/**
 * Knows which transactions hold a connection while something inside them waits for another one. When such transactions
 * hold the whole pool, none of them can ever go on.
 */
export class ConnectionLedger {
  /** Each with the server process that serves it; without one while it still waits for its connection. */
  readonly #holders = new Map<Transaction, number | undefined>();
  /** Statements under way inside suspended transactions. */
  readonly #waits = new Set<{ readonly outer: Transaction; readonly blockers: readonly number[] }>();
  /** How many waits each holder is stuck in; a parallel caller can be in several. */
  readonly #stuck = new Map<Transaction, number>();

  constructor(private readonly parts: LedgerParts) {}

  hold(transaction: Transaction, pid: number | undefined): void {
    this.#holders.set(transaction, pid);
  }

  free(transaction: Transaction): void {
    this.#holders.delete(transaction);
  }

  /** Whether `transaction`, or one around it, holds a connection. */
  isAnyHolding(transaction: Transaction): boolean {
    return this.#holdersAround(transaction).length > 0;
  }

  /** Notes that a statement inside `outer` may have to wait; `blockers` is what it was last seen to wait for. */
  noteWait(outer: Transaction): { blockers: readonly number[]; forget: () => void } {
    const wait = { outer, blockers: [] as readonly number[], forget: () => this.#waits.delete(wait) };
    this.#waits.add(wait);
    return wait;
  }

  /**
   * The transaction around a statement inside `outer` that must end before one of the server processes `pids` lets the
   * statement go on: it is served by one of them, or keeps one of them suspended behind a wait of its own.
   */
  holderBehind(pids: readonly number[], outer: Transaction): Transaction | undefined {
    const around = this.#holdersAround(outer);
    const seen = new Set<number>();
    const open = [...pids];
    for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
      if (seen.has(pid)) continue;
      seen.add(pid);
      const holder = this.#servedBy(pid);
      if (holder === undefined) continue;
      if (around.includes(holder)) return holder;
      for (const wait of this.#waits)
        if (this.#holdersAround(wait.outer).includes(holder)) open.push(...wait.blockers);
    }
    return undefined;
  }

  #servedBy(pid: number): Transaction | undefined {
    for (const [transaction, served] of this.#holders) if (served === pid) return transaction;
    return undefined;
  }

  /**
   * Connects for something inside `outer`, which is suspended meanwhile.
   *
   * @param outer - the transaction that waits; `undefined` when nothing does
   * @param giveBack - called when the connection arrives after nobody waits for it any more
   * @throws ConnectionStarvationError at once when waiting is hopeless, else after `connectionWaitMs`
   */
  async connect<T>(
    outer: Transaction | undefined,
    name: string,
    open: { connect: () => Promise<T>; giveBack: () => void },
  ): Promise<T> {
    const stuck = this.#holdersAround(outer);
    if (stuck.length === 0) return await open.connect();
    const leave = this.#wait(stuck);
    try {
      if (this.#stuckWithConnection >= this.parts.pool().options.max) throw this.#starvation(name, 0);
      return await this.#bounded(name, open);
    } finally {
      leave();
    }
  }

  async #bounded<T>(name: string, open: { connect: () => Promise<T>; giveBack: () => void }): Promise<T> {
    const { clock, connectionWaitMs } = this.parts;
    let isOver = false;
    const opening = open.connect().then((connection) => {
      if (isOver) open.giveBack();
      return connection;
    });
    let callOff = (): void => undefined;
    const over = new Promise<never>((_, reject) => {
      callOff = clock.after(connectionWaitMs, () => {
        isOver = true;
        reject(this.#starvation(name, connectionWaitMs));
      });
    });
    try {
      return await Promise.race([opening, over]);
    } finally {
      callOff();
    }
  }

  #holdersAround(outer: Transaction | undefined): readonly Transaction[] {
    const found: Transaction[] = [];
    for (let each = outer; each !== undefined; each = each.suspended?.transaction) {
      if (this.#holders.has(each)) found.push(each);
    }
    return found;
  }

  /** Who still waits for a connection of its own takes none away. */
  get #stuckWithConnection(): number {
    return [...this.#stuck.keys()].filter((each) => this.#holders.get(each) !== undefined).length;
  }

  #wait(stuck: readonly Transaction[]): () => void {
    for (const each of stuck) this.#stuck.set(each, (this.#stuck.get(each) ?? 0) + 1);
    return () => {
      for (const each of stuck) {
        const left = this.#stuck.get(each)! - 1;
        if (left === 0) this.#stuck.delete(each);
        else this.#stuck.set(each, left);
      }
    };
  }

  #starvation(name: string, waitedMs: number): ConnectionStarvationError {
    return new ConnectionStarvationError(name, { held: this.#stuck.size, waitedMs });
  }
}
