import type { EntityMetadata, QueryRunner } from 'typeorm';
import type { EntityFacts } from './entity-facts.js';
import { inLockOrder, type Row } from './row.js';
import type { VersionKeeper } from './version-keeper.js';
import { isSameVersion, successorOf, type Version } from './version.js';
import { WrittenRows, type WrittenRow } from './written-rows.js';
import type { BookKeeping } from './version-book.js';

/** A statement that may write rows whose versions matter to others. */
export interface Statement<R> {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly metadata: EntityMetadata | undefined;
  /** The runner it was bound to; without one, it joins the caller's transaction. */
  readonly runner: QueryRunner | undefined;
  /** The rows that it is about, where it is about no others. */
  readonly rows?: readonly string[];
  /** The roots that its rows belonged to and may be taken away from. */
  readonly formerRoots?: () => Promise<readonly Row[]>;
  /** Sends it; `rows`, if any, has to be heard in its RETURNING. */
  readonly send: (rows: WrittenRows | undefined) => Promise<R>;
}

/** Follows the statements that write parts of aggregates, roots, and rows of which a version is expected. */
export class TrackedStatements {
  constructor(private readonly keeper: VersionKeeper) {}

  async execute<R extends { raw: any }>(statement: Statement<R>): Promise<R> {
    const { keeper } = this;
    const { metadata, runner, kind } = statement;
    const facts = metadata && keeper.factsOf(metadata);
    const keeping = keeper.bookKeeping(runner);
    if (facts === undefined || !isWorthTracking(facts, keeping))
      return await this.#send(statement, keeping, undefined);
    // The root's version has to go up in the same transaction.
    if (keeping === undefined && runner === undefined)
      return await keeper.inTransaction(`${kind} of ${metadata!.name}`, () => this.execute(statement));
    const former = (await statement.formerRoots?.()) ?? [];
    const rows = new WrittenRows(facts);
    const result = await this.#send(statement, keeping, rows);
    const written = rows.takeFrom(result.raw as object[]);
    if (rows.areAlone) result.raw = [];
    for (const each of written) this.#note(each, kind, keeping);
    await this.#raise([...former, ...written.flatMap(({ roots }) => roots)], statement, keeping);
    return result;
  }

  async #send<R>(
    { metadata, rows: keys, send }: Statement<R>,
    keeping: BookKeeping | undefined,
    rows: WrittenRows | undefined,
  ): Promise<R> {
    if (keeping === undefined) return await send(rows);
    const { snapshots } = keeping.book;
    const result = await snapshots.announced(() => send(rows));
    for (const each of keys ?? (metadata === undefined ? [] : [metadata.tablePath]))
      snapshots.noteWrite(each);
    return result;
  }

  #note(
    { row, version }: WrittenRow,
    kind: Statement<unknown>['kind'],
    keeping: BookKeeping | undefined,
  ): void {
    if (keeping === undefined || version === undefined) return;
    const { book } = keeping;
    const told = book.unmetExpectation(row.key)?.version;
    const expected = told ?? book.pendingIncrement(row.key)?.expected;
    if (expected !== undefined && !isAsExpected(kind, version, expected)) {
      const check = { row, expected, what: kind, isPrecondition: told !== undefined, keeping };
      throw this.keeper.refuse(check);
    }
    book.noteWritten(row, kind === 'delete' ? null : version);
  }

  async #raise(
    roots: readonly Row[],
    { runner }: Statement<unknown>,
    keeping: BookKeeping | undefined,
  ): Promise<void> {
    const operation = this.keeper.operations.current;
    const inOrder = inLockOrder(new Map(roots.map((root) => [root.key, root])));
    for (const root of inOrder) await this.keeper.aggregates.raise(root, { operation, keeping, runner });
  }
}

function isWorthTracking(
  { roots, isRoot, metadata }: EntityFacts,
  keeping: BookKeeping | undefined,
): boolean {
  if (roots.length > 0) return true;
  return keeping !== undefined && (isRoot || keeping.book.concerns(metadata.tablePath));
}

/** A statement has told the version that the row was left with, or had when it was deleted. An INSERT may be an upsert. */
function isAsExpected(kind: Statement<unknown>['kind'], version: Version, expected: Version): boolean {
  return isSameVersion(version, kind === 'delete' ? expected : successorOf(expected));
}
