import { SelfDeadlockError } from '../errors.js';
import type { Clock } from '../transaction/clock.js';
import type { TransactionScope } from '../transaction/transaction-scope.js';

/** Sends one statement; `entered` are the scopes that it opens (outermost first), each to be preceded by a savepoint. */
export type Send<T> = (entered: readonly TransactionScope[]) => Promise<T>;

/** How long a statement waits for a nested scope beside it that sends nothing. */
export interface Patience {
  readonly clock: Clock;
  readonly nestedWaitMs: number;
  /** Called when the scope and the statement seem to wait for each other. */
  readonly onCycle: (cycle: SelfDeadlockError) => void;
}

/** A statement waiting for its turn. */
interface Waiting {
  readonly scope: TransactionScope;
  readonly start: () => void;
  readonly refuse: () => void;
}

/**
 * The one door between a transaction and its connection. It lets through one statement at a time, only from the
 * innermost open scope, and none at all once it is closed: what still waits then is refused, because behind COMMIT or
 * ROLLBACK it would autocommit. A scope is entered by its first statement; until it is left, its parent's wait.
 */
export class StatementGate {
  /** Innermost last; a statement may pass only while its scope, or the nearest entered one around it, is the last. */
  readonly #entered: TransactionScope[];
  #waiting: Waiting[] = [];
  /** How many occupy the wire: at most one statement, besides cursors that user code opened on the raw client. */
  #onWire = 0;
  /** Goes from true to false exactly once. */
  #open = true;
  #whenQuiet: (() => void)[] = [];
  #callOffStall: () => void = () => undefined;

  constructor(
    private readonly root: TransactionScope,
    private readonly patience: Patience,
  ) {
    this.#entered = [root];
  }

  /** The scope that may send now. */
  get innermost(): TransactionScope {
    return this.#entered.at(-1)!;
  }

  hasEntered(scope: TransactionScope): boolean {
    return this.#entered.includes(scope);
  }

  /**
   * Sends at its turn. `refusal` makes the error for a statement that comes, or still waits, when its scope or the whole
   * gate is closed.
   */
  pass<T>(scope: TransactionScope, send: Send<T>, refusal: () => Error): Promise<T> {
    if (!this.#open || !scope.isOpen) return Promise.reject(refusal());
    if (this.#waiting.length === 0 && this.#mayPass(scope)) return this.#start(scope, send);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({
        scope,
        start: () => this.#start(scope, send).then(resolve, reject),
        refuse: () => reject(refusal()),
      });
      this.#admit();
    });
  }

  /**
   * Lets the parent of `scope`, which has ended, go on; what still waits in `scope` is refused, and scopes inside it that
   * nobody awaited go with it. `send` undoes or keeps what was sent in it, when anything was.
   */
  async leave(scope: TransactionScope, send: () => Promise<void>): Promise<void> {
    this.#refuse((waiting) => !waiting.scope.isOpen);
    // Whoever else waited for the wire may have taken it again.
    while (this.#onWire > 0) await this.quiet();
    // Meanwhile the scope around it may have been left, and this one with it.
    if (!this.hasEntered(scope)) return;
    try {
      if (this.#open) await this.#occupyFor(send);
    } finally {
      this.#forget(scope);
      this.#admit();
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
    this.#callOffStall();
    this.#refuse(() => true);
  }

  /** Resolves when nothing is on the wire. */
  quiet(): Promise<void> {
    return this.#onWire === 0 ? Promise.resolve() : new Promise((resume) => this.#whenQuiet.push(resume));
  }

  #forget(scope: TransactionScope): void {
    const index = this.#entered.indexOf(scope);
    if (index >= 0) this.#entered.splice(index);
  }

  #mayPass(scope: TransactionScope): boolean {
    return this.#onWire === 0 && this.#nearestEntered(scope) === this.innermost;
  }

  #nearestEntered(scope: TransactionScope): TransactionScope {
    let nearest = scope;
    while (!this.hasEntered(nearest)) nearest = nearest.parent!;
    return nearest;
  }

  #start<T>(scope: TransactionScope, send: Send<T>): Promise<T> {
    const entering = this.#enter(scope);
    return this.#occupyFor(() => send(entering));
  }

  #enter(scope: TransactionScope): readonly TransactionScope[] {
    if (scope === this.innermost) return NONE;
    const entering: TransactionScope[] = [];
    for (let each = scope; !this.hasEntered(each); each = each.parent!) entering.unshift(each);
    this.#entered.push(...entering);
    return entering;
  }

  #occupyFor<T>(send: () => Promise<T>): Promise<T> {
    this.#onWire++;
    this.#callOffStall();
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

  /** First come, first served, among those that may pass. */
  #admit(): void {
    const next = this.#waiting.findIndex(({ scope }) => this.#mayPass(scope));
    if (next >= 0) this.#waiting.splice(next, 1)[0]!.start();
    else this.#watchStall();
  }

  /** A scope that sends nothing while a statement outside of it waits for its end may itself wait for that statement. */
  #watchStall(): void {
    this.#callOffStall();
    if (this.#waiting.length === 0 || this.#onWire > 0) return;
    const { clock, nestedWaitMs, onCycle } = this.patience;
    this.#callOffStall = clock.after(nestedWaitMs, () => onCycle(cycleOf(this.root, nestedWaitMs)));
  }

  #refuse(which: (waiting: Waiting) => boolean): void {
    const refused = this.#waiting.filter(which);
    this.#waiting = this.#waiting.filter((waiting) => !which(waiting));
    refused.forEach(({ refuse }) => refuse());
  }
}

const NONE: readonly TransactionScope[] = [];

function cycleOf({ transaction }: TransactionScope, nestedWaitMs: number): SelfDeadlockError {
  const facts = {
    cycle:
      `a statement waits for a NESTED call to end, and that call has sent nothing for ${nestedWaitMs} ms, as if it ` +
      `awaited the statement`,
    remedy:
      'Await the statement before the NESTED call, or send it inside; raise nestedWaitMs where the call is only slow.',
  };
  return transaction.identified(new SelfDeadlockError(transaction.toString(), facts));
}
