import type { ObjectLiteral } from 'typeorm';
import type { TransactionScope } from '../../transaction/transaction-scope.js';
import { EntitySnapshots } from './entity-snapshots.js';
import { restoreAll, type Memento } from './in-memory-state.js';
import { inLockOrder, type Row } from './row.js';
import { isSameVersion, successorOf, type Version } from './version.js';

/** A part of a transaction that is kept or undone as a whole. */
export interface BookScope {
  readonly parent: BookScope | undefined;
}

/** A transaction's book, and the scope in which the caller is. */
export interface BookKeeping {
  readonly book: VersionBook;
  readonly scope: TransactionScope;
}

/** A version that goes up at COMMIT although nothing else of the row may change. */
export interface Increment {
  readonly row: Row;
  /** What the writer knew; `undefined` when nobody has read the row. */
  readonly expected: Version | undefined;
  /** The objects in which it shows already. */
  readonly objects: ObjectLiteral[];
}

/** What a row must be at COMMIT. */
export interface Expectation {
  readonly row: Row;
  readonly version: Version;
  /** Whether it was told from outside; else the transaction has relied on what it read. */
  readonly isPrecondition: boolean;
  /** Whether the row must not be there when it is written, nor at COMMIT, unless raw SQL of this transaction made it. */
  readonly isOfNewRow?: boolean;
}

/** A root as the transaction has read it. */
export interface ReadRoot {
  readonly version: Version;
  readonly entity: ObjectLiteral;
}

/** What happened in one scope. */
class Page {
  /** The version that a row was left with; `null` when it was deleted. */
  readonly written = new Map<string, Version | null>();
  /** The version that a row was left with by the first write. */
  readonly firstWritten = new Map<string, Version | null>();
  /** What was written or locked, in that order. */
  readonly held = new Map<string, Row>();
  readonly increments = new Map<string, Increment>();
  readonly read = new Map<string, ReadRoot>();
  readonly reliances = new Map<string, Expectation>();
  readonly mementos: Memento[] = [];

  adopt(inner: Page): void {
    for (const [key, version] of inner.written) this.written.set(key, version);
    for (const [key, version] of inner.firstWritten)
      if (!this.firstWritten.has(key)) this.firstWritten.set(key, version);
    for (const [key, row] of inner.held) if (!this.held.has(key)) this.held.set(key, row);
    for (const [key, increment] of inner.increments) this.increments.set(key, increment);
    for (const [key, root] of inner.read) this.read.set(key, root);
    for (const [key, reliance] of inner.reliances) this.reliances.set(key, reliance);
    this.mementos.push(...inner.mementos);
  }
}

/** What one transaction knows about versions: read, expected, written, and still to go up. Has a page for each scope. */
export class VersionBook {
  readonly snapshots = new EntitySnapshots();
  readonly #pages = new Map<BookScope, Page>();
  readonly #expectations = new Map<string, Expectation>();

  /** @param currentScope - the scope that the caller is in */
  constructor(private readonly currentScope: () => BookScope) {}

  // What is written

  noteWritten(row: Row, version: Version | null): void {
    if (this.writtenVersion(row.key) === undefined) this.#page.firstWritten.set(row.key, version);
    this.#page.written.set(row.key, version);
    this.noteHeld(row);
  }

  /** The row is locked until the transaction ends. */
  noteHeld(row: Row): void {
    const { held } = this.#page;
    if (!held.has(row.key)) held.set(row.key, row);
  }

  /** Everything that was written or locked, in that order, and was not undone. */
  get heldRows(): readonly Row[] {
    return [...this.#pages.values()].flatMap(({ held }) => [...held.values()]);
  }

  /** `undefined` while nothing of the row was written. */
  writtenVersion(key: string): Version | null | undefined {
    return this.#find((page) => page.written.get(key));
  }

  // What is read

  noteRead(key: string, root: ReadRoot): void {
    this.#page.read.set(key, root);
  }

  readRoot(key: string): ReadRoot | undefined {
    return this.#find((page) => page.read.get(key));
  }

  // What is expected

  /** The transaction found nothing to write because of what it read under this version: it has to hold at COMMIT. */
  relyOn(row: Row, version: Version): void {
    const { key } = row;
    if (this.writtenVersion(key) !== undefined || this.pendingIncrement(key)?.expected !== undefined) return;
    this.#page.reliances.set(key, { row, version, isPrecondition: false });
  }

  reliance(key: string): Expectation | undefined {
    return this.#find((page) => page.reliances.get(key));
  }

  expect(expectation: Expectation): void {
    this.#expectations.set(expectation.row.key, expectation);
  }

  /** What the next write of the row has to meet; nothing once it was written. */
  unmetExpectation(key: string): Expectation | undefined {
    const expectation = this.#expectations.get(key);
    return expectation === undefined || this.writtenVersion(key) !== undefined ? undefined : expectation;
  }

  /** Whether it matters which rows of the table a statement writes. */
  concerns(tablePath: string): boolean {
    const isConcerned = ({ row }: { row: Row }): boolean => row.facts.metadata.tablePath === tablePath;
    if ([...this.#expectations.values()].some(isConcerned)) return true;
    return [...this.#pages.values()].some(({ increments }) => [...increments.values()].some(isConcerned));
  }

  // What is still to go up

  /**
   * Whether an object of a root that carries `version` is stale, as far as the transaction knows already. One that was loaded
   * before the transaction's own first write is not: that write has found the row as the object is.
   */
  contradicts(key: string, version: Version): boolean {
    const written = this.writtenVersion(key);
    const first = this.#find((page) => page.firstWritten.get(key));
    if (written !== undefined)
      return written !== null && !!first && !isBetween(BigInt(first) - 1n, version, BigInt(written));
    const expected = this.pendingIncrement(key)?.expected;
    return expected !== undefined && !isBetween(BigInt(expected), version, BigInt(successorOf(expected)));
  }

  /** Once per transaction: nothing is added for a row that was written, or will be. What is known of it may be more now. */
  addIncrement(increment: Increment): void {
    const { key } = increment.row;
    const pending = this.pendingIncrement(key);
    if (this.writtenVersion(key) !== undefined || pending?.expected !== undefined) return;
    this.#page.increments.set(key, increment);
  }

  pendingIncrement(key: string): Increment | undefined {
    if (this.writtenVersion(key) !== undefined) return undefined;
    return this.#find((page) => page.increments.get(key));
  }

  /** The version that the row has now, of an entity in which the increment already shows. */
  currentVersion(key: string, carried: Version): Version {
    const expected = this.pendingIncrement(key)?.expected;
    const isAhead = expected !== undefined && isSameVersion(successorOf(expected), carried);
    return isAhead ? expected : carried;
  }

  /** The version that the row will have after COMMIT; `null` when it was deleted, `undefined` when nobody knows. */
  finalVersion(key: string): Version | null | undefined {
    const written = this.writtenVersion(key);
    if (written !== undefined) return written;
    const expectation = this.#expectations.get(key);
    const told = expectation?.isOfNewRow ? undefined : expectation?.version;
    const pending = this.pendingIncrement(key);
    if (pending === undefined) return told ?? this.reliance(key)?.version;
    const expected = told ?? pending.expected;
    return expected === undefined ? undefined : successorOf(expected);
  }

  /** Whether {@link due} may have anything. */
  get isDue(): boolean {
    if (this.#expectations.size > 0) return true;
    return [...this.#pages.values()].some(
      ({ increments, reliances }) => increments.size + reliances.size > 0,
    );
  }

  /** Everything that must be settled before COMMIT, in one order for all transactions. */
  due(): readonly (Increment | Expectation)[] {
    const pages = [...this.#pages.values()];
    const due = new Map<string, Increment | Expectation>([
      ...pages.flatMap(({ reliances }) => [...reliances]),
      ...this.#expectations,
      ...pages.flatMap(({ increments }) => [...increments]),
    ]);
    for (const key of due.keys()) if (this.writtenVersion(key) !== undefined) due.delete(key);
    return inLockOrder(due);
  }

  // What is undone

  remember(memento: Memento): void {
    this.#page.mementos.push(memento);
  }

  leave(scope: BookScope, how: 'release' | 'rollback'): void {
    if (how === 'rollback') this.snapshots.forgetAll();
    const page = this.#pages.get(scope);
    if (page === undefined) return;
    this.#pages.delete(scope);
    if (how === 'release') this.#pageOf(scope.parent!).adopt(page);
    else restoreAll(page.mementos);
  }

  /** A statement is sent, by whomever. One that goes back to a savepoint leaves nothing known but what is still to go up. */
  noteSent(sql: string): void {
    this.snapshots.noteSent(sql);
    if (!/^\s*rollback\s+(?:(?:work|transaction)\s+)?to\b/i.test(sql)) return;
    this.snapshots.forgetAll();
    const page = this.#page;
    for (const each of [page.written, page.firstWritten, page.read]) each.clear();
  }

  /** What goes back to how it is now, where user code has set a savepoint by itself. */
  mark(): () => void {
    const scope = this.currentScope();
    const before = new Page();
    before.adopt(this.#pageOf(scope));
    return () => {
      restoreAll(this.#pageOf(scope).mementos.slice(before.mementos.length));
      this.#pages.set(scope, before);
      this.snapshots.forgetAll();
    };
  }

  /** Everything was rolled back. */
  rollBack(): void {
    restoreAll([...this.#pages.values()].flatMap(({ mementos }) => mementos));
    this.#pages.clear();
  }

  get #page(): Page {
    return this.#pageOf(this.currentScope());
  }

  #pageOf(scope: BookScope): Page {
    let page = this.#pages.get(scope);
    if (page === undefined) this.#pages.set(scope, (page = new Page()));
    return page;
  }

  /** From the innermost scope outwards. */
  #find<T>(pick: (page: Page) => T | undefined): T | undefined {
    for (let scope: BookScope | undefined = this.currentScope(); scope !== undefined; scope = scope.parent) {
      const page = this.#pages.get(scope);
      const found = page && pick(page);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function isBetween(least: bigint, version: Version, most: bigint): boolean {
  const number = BigInt(version);
  return least <= number && number <= most;
}
