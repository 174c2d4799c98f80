import type { TransactionScope } from '../transaction/transaction.js';

/** A statement, or a scope that wants to open, waiting for its turn. */
interface Waiting {
  readonly scope: TransactionScope;
  readonly start: () => void;
  readonly refuse: () => void;
}

/**
 * The one door between a transaction and its connection. It lets through one statement at a time, only from the
 * innermost open scope, and none at all once it is closed: what still waits then is refused, because behind COMMIT or
 * ROLLBACK it would autocommit.
 */
export class StatementGate {
  /** Innermost last; a statement may pass only while its scope is the last one. */
  readonly #scopes: TransactionScope[];
  #waiting: Waiting[] = [];
  /** How many occupy the wire: at most one statement, besides cursors that user code opened on the raw client. */
  #onWire = 0;
  /** Goes from true to false exactly once. */
  #open = true;
  #whenQuiet: (() => void)[] = [];

  constructor(root: TransactionScope) {
    this.#scopes = [root];
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** The scope that may send now. */
  get innermost(): TransactionScope {
    return this.#scopes.at(-1)!;
  }

  /**
   * Sends at its turn. `refusal` makes the error for a statement that comes, or still waits, when its scope or the whole
   * gate is closed.
   */
  pass<T>(scope: TransactionScope, send: () => Promise<T>, refusal: () => Error): Promise<T> {
    if (!this.#open || !scope.isOpen) return Promise.reject(refusal());
    if (this.#onWire === 0 && this.#waiting.length === 0 && scope === this.innermost)
      return this.#start(send);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        scope,
        start: () => this.#start(send).then(resolve, reject),
        refuse: () => reject(refusal()),
      });
      this.#admit();
    });
  }

  /** Opens `scope` at its turn, with `send` as its first statement; its parent waits until {@link leave}. */
  async enter(scope: TransactionScope, send: () => Promise<void>, refusal: () => Error): Promise<void> {
    const parent = scope.parent!;
    const open = async (): Promise<void> => {
      this.#scopes.push(scope);
      try {
        await send();
      } catch (error) {
        this.#remove(scope);
        throw error;
      }
    };
    await this.pass(parent, open, refusal);
  }

  /** Sends the last statement of `scope`, which has ended, and lets its parent go on. What still waits in it is refused. */
  async leave(scope: TransactionScope, send: () => Promise<void>, refusal: () => Error): Promise<void> {
    this.#refuse((waiting) => !waiting.scope.isOpen);
    await this.#quiet();
    if (!this.#open || !this.#scopes.includes(scope)) throw refusal();
    try {
      await this.#start(send);
    } finally {
      this.#remove(scope);
    }
  }

  /** Marks the wire as occupied by something that was sent without waiting; call the returned function at its end. */
  occupy(): () => void {
    this.#onWire++;
    let occupied = true;
    return () => {
      if (occupied) this.#vacate();
      occupied = false;
    };
  }

  /** From this moment on nothing passes; what waits is refused. */
  close(): void {
    this.#open = false;
    this.#refuse(() => true);
  }

  /** Sends the last statement of a closed gate, when what was already on the wire is done. */
  async passLast<T>(send: () => Promise<T>): Promise<T> {
    await this.#quiet();
    return await send();
  }

  #start<T>(send: () => Promise<T>): Promise<T> {
    this.#onWire++;
    const sent = send();
    const vacate = (): void => this.#vacate();
    sent.then(vacate, vacate);
    return sent;
  }

  #vacate(): void {
    this.#onWire--;
    if (this.#onWire > 0) return;
    this.#whenQuiet.splice(0).forEach((resume) => resume());
    this.#admit();
  }

  /** First come, first served, among those whose scope is the innermost one. */
  #admit(): void {
    if (this.#onWire > 0) return;
    const next = this.#waiting.findIndex(({ scope }) => scope === this.innermost);
    if (next >= 0) this.#waiting.splice(next, 1)[0]!.start();
  }

  #refuse(which: (waiting: Waiting) => boolean): void {
    const refused = this.#waiting.filter(which);
    this.#waiting = this.#waiting.filter((waiting) => !which(waiting));
    refused.forEach(({ refuse }) => refuse());
  }

  /** Scopes inside `scope` that nobody awaited go with it. */
  #remove(scope: TransactionScope): void {
    const index = this.#scopes.indexOf(scope);
    if (index >= 0) this.#scopes.splice(index);
    this.#admit();
  }

  #quiet(): Promise<void> {
    return this.#onWire === 0 ? Promise.resolve() : new Promise((resume) => this.#whenQuiet.push(resume));
  }
}
