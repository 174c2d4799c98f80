import type { ObjectLiteral, QueryRunner } from 'typeorm';
import type { EntityFacts } from './entity-facts.js';
import { Memento } from './in-memory-state.js';
import type { PersistOperation } from './persist-operation.js';
import { rowOf, versionIn, type Row } from './row.js';
import type { BookKeeping, Expectation, Increment, VersionBook } from './version-book.js';
import type { VersionKeeper } from './version-keeper.js';
import { isOfAnother, raiseVersion, readVersion, type RaisedRow } from './version-statements.js';
import { isSameVersion, successorOf, type Version } from './version.js';

/** What a root's version is raised for, and in which surroundings. */
export interface Surroundings {
  readonly operation: PersistOperation | undefined;
  readonly keeping: BookKeeping | undefined;
  /** The runner of a transaction that is not the library's: there, nobody settles before COMMIT. */
  readonly runner: QueryRunner | undefined;
}

/** Versions that go up although nothing else of their row is written: roots of aggregates, and what was forced. */
export class Aggregates {
  /** What is being raised at once, and would be again where roots are parts of each other. */
  readonly #raising = new WeakMap<QueryRunner, Set<string>>();

  constructor(private readonly keeper: VersionKeeper) {}

  /** A part of `root` was written. Its version goes up at COMMIT; in a transaction that is not the library's, at once. */
  async raise(root: Row, { operation, keeping, runner }: Surroundings): Promise<void> {
    const objects = operation?.roots.get(root.key)?.objects ?? [];
    if (keeping === undefined) {
      await this.#raiseNow(root, objects, operation, runner!);
      return;
    }
    const { book } = keeping;
    const carried = versionIn(root, objects);
    if (carried !== undefined && book.contradicts(root.key, carried)) {
      const check = { row: root, expected: carried, what: 'a change', isPrecondition: false, keeping };
      throw this.keeper.refuse(check);
    }
    const expected = carried ?? book.readRoot(root.key)?.version;
    book.addIncrement({ row: root, expected, objects: [] });
    if (operation === undefined) this.show(root, book, []);
    else operation.raised.set(root.key, root);
  }

  /** A root was loaded: its version counts from now on, and shows what is still to go up. */
  noteRead(facts: EntityFacts, entity: ObjectLiteral, book: VersionBook): void {
    const version = facts.version!.getEntityValue(entity) as Version | null | undefined;
    const id = facts.metadata.getEntityIdMap(entity);
    if (version === undefined || version === null || id === undefined) return;
    const row = rowOf(facts, id);
    book.noteRead(row.key, { version, entity });
    if (book.pendingIncrement(row.key) === undefined) return;
    book.addIncrement({ row, expected: version, objects: [] });
    this.show(row, book, [entity]);
  }

  /** Once per call, as there is no transaction known that it could be once for. */
  async #raiseNow(
    row: Row,
    objects: readonly ObjectLiteral[],
    operation: PersistOperation | undefined,
    runner: QueryRunner,
  ): Promise<void> {
    const raising = this.#raisingOf(runner);
    if (raising.has(row.key) || operation?.written.has(row.key)) return;
    raising.add(row.key);
    try {
      await this.#raiseOnce(row, objects, operation, runner);
    } finally {
      raising.delete(row.key);
    }
  }

  async #raiseOnce(
    row: Row,
    objects: readonly ObjectLiteral[],
    operation: PersistOperation | undefined,
    runner: QueryRunner,
  ): Promise<void> {
    const increment = { row, expected: versionIn(row, objects), objects: [] };
    const raised = await this.#increment(increment, runner, undefined);
    if (raised === undefined) return;
    operation?.written.set(row.key, raised.version);
    for (const object of objects) operation?.remember(mementoOf(object, row));
    writeInto(objects, raised);
  }

  #raisingOf(runner: QueryRunner): Set<string> {
    const raising = this.#raising.get(runner) ?? new Set();
    this.#raising.set(runner, raising);
    return raising;
  }

  /** Lets the objects that the caller holds carry the version that the row will have. */
  show(row: Row, book: VersionBook, objects: readonly ObjectLiteral[]): void {
    const increment = book.pendingIncrement(row.key);
    const expected = increment?.expected;
    if (expected === undefined) return;
    const column = row.facts.version!;
    const read = book.readRoot(row.key)?.entity;
    for (const object of new Set(read === undefined ? objects : [...objects, read])) {
      const carried = column.getEntityValue(object) as Version | undefined;
      if (carried === undefined || !isSameVersion(carried, expected)) continue;
      book.remember(mementoOf(object, row));
      column.setEntityValue(object, successorOf(expected));
      increment!.objects.push(object);
    }
  }

  /**
   * Raises and verifies everything that is due before COMMIT, in one order for all transactions, so that two of them wait
   * for each other in turn and not crosswise. What is raised may itself be a part of another root.
   *
   * @throws OptimisticLockError when a row is not what the transaction knew of it
   */
  async settle(keeping: BookKeeping, runner: QueryRunner): Promise<void> {
    for (let due = keeping.book.due(); due.length > 0; due = keeping.book.due()) {
      for (const each of due) {
        if ('version' in each) await this.#verifyExpectation(each, keeping, runner);
        else await this.#settleIncrement(each, keeping, runner);
      }
    }
  }

  async #settleIncrement(increment: Increment, keeping: BookKeeping, runner: QueryRunner): Promise<void> {
    const { book } = keeping;
    const raised = await this.#increment(increment, runner, keeping);
    // A root that is gone has nothing to raise.
    book.noteWritten(increment.row, raised?.version ?? null);
    if (raised !== undefined) writeInto(increment.objects, raised);
  }

  /** `undefined` when there is no such row and nobody knew of one. */
  async #increment(
    { row, expected: known }: Increment,
    runner: QueryRunner,
    keeping: BookKeeping | undefined,
  ): Promise<RaisedRow | undefined> {
    const told = keeping?.book.unmetExpectation(row.key)?.version;
    const expected = told ?? known ?? keeping?.book.reliance(row.key)?.version;
    const check = { row, expected: expected!, what: 'a change', isPrecondition: told !== undefined, keeping };
    if (told !== undefined && known !== undefined && !isSameVersion(told, known))
      throw this.keeper.refuse(check);
    try {
      const raised = await raiseVersion(row, expected, runner);
      if (raised === undefined && expected !== undefined) throw this.keeper.refuse(check);
      return raised;
    } catch (error) {
      throw expected === undefined ? error : this.keeper.explain(check, error);
    }
  }

  async #verifyExpectation(
    expectation: Expectation,
    keeping: BookKeeping,
    runner: QueryRunner,
  ): Promise<void> {
    if (!expectation.isOfNewRow) return await this.#verify(expectation, keeping, runner);
    const { row, version } = expectation;
    const check = { row, expected: version, what: 'expectAbsence()', isPrecondition: true, keeping };
    if (await isOfAnother(row, runner)) throw this.keeper.refuse(check);
    keeping.book.noteWritten(row, null);
  }

  /** Under a row lock, so that it still holds when COMMIT is answered. */
  async #verify(expectation: Expectation, keeping: BookKeeping, runner: QueryRunner): Promise<void> {
    const { row, version, isPrecondition } = expectation;
    const what = isPrecondition ? 'expectVersion()' : 'save()';
    const check = { row, expected: version, what, isPrecondition, keeping };
    try {
      const actual = await readVersion(row, runner, !keeping.scope.readOnly);
      if (actual === null || !isSameVersion(actual, version)) throw this.keeper.refuse(check, { actual });
      keeping.book.noteWritten(row, actual);
    } catch (error) {
      throw this.keeper.explain(check, error);
    }
  }
}

/** Of everything that goes up with the version. */
function mementoOf(object: ObjectLiteral, { facts: { metadata, version } }: Row): Memento {
  const { updateDateColumn } = metadata;
  return new Memento(object, updateDateColumn === undefined ? [version!] : [version!, updateDateColumn]);
}

/** Else the next `save()` would take the old date of change for one that the user has set. */
function writeInto(objects: readonly ObjectLiteral[], { values }: RaisedRow): void {
  for (const object of objects) for (const [column, value] of values) column.setEntityValue(object, value);
}
