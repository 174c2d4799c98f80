import type { DataSource, ObjectLiteral } from 'typeorm';
import { outsideTransaction } from '../../context/current-frame.js';
import { OptimisticLockError } from '../../errors.js';
import { conflictIn } from '../../transaction/retry-policy.js';
import { isServerError } from '../pg-client.js';
import { primaryValue, shownId, type Row } from './row.js';
import type { Version } from './version.js';

/** Why a row must not be written. */
export interface Conflict {
  /** `undefined` for an entity without a version of its own. */
  readonly expected: Version | undefined;
  /** What the row has, where it is known; `null` where there is no row. */
  readonly actual?: Version | null | undefined;
  /** What was refused, e.g. `save()`. */
  readonly what: string;
  /** Whether the version was told from outside, so that trying again is in vain. */
  readonly isPrecondition?: boolean;
  readonly cause?: unknown;
}

/** Beyond this, a failed try's rows are not all locked by the next one, but only that of the conflict. */
const MOST_LOCKS = 100;

/** Makes the errors about rows that were changed meanwhile, and knows afterwards what each of their transactions had held. */
export class Conflicts {
  readonly #rows = new WeakMap<object, readonly Row[]>();

  constructor(private readonly dataSource: DataSource) {}

  /** @param held - the rows that the transaction had written or locked before, in that order */
  about(row: Row, conflict: Conflict, held: readonly Row[]): OptimisticLockError {
    const facts = { ...conflict, entity: row.facts.metadata.name, id: shownId(row) };
    const error = new OptimisticLockError(facts, () => this.#read(row));
    this.#rows.set(error, held.length < MOST_LOCKS ? [...held, row] : [row]);
    return error;
  }

  /**
   * The rows that failed tries have held, up to the one that they met a conflict at: in the order of the last try, so that
   * transactions which all write in one order lock in it, too, and do not meet crosswise.
   */
  rowsHeldIn(errors: readonly unknown[]): readonly Row[] {
    const rows = errors.toReversed().flatMap((error) => this.#rowsOf(error));
    return [...new Map(rows.map((row) => [row.key, row])).values()];
  }

  /** An error that user code has wrapped is still about the row. */
  #rowsOf(error: unknown): readonly Row[] {
    const conflict = conflictIn(error);
    return (conflict && this.#rows.get(conflict)) ?? [];
  }

  /** Locks a row; without parameters, so that it can precede another statement. */
  lockStatement({ facts: { metadata }, id }: Row): string {
    const { driver } = this.dataSource;
    const table = metadata.tablePath
      .split('.')
      .map((part) => driver.escape(part))
      .join('.');
    const conditions = metadata.primaryColumns.map(
      (column) =>
        `${driver.escape(column.databaseName)} = ${literal(driver.preparePersistentValue(primaryValue(column, id), column))}`,
    );
    return `SELECT FROM ${table} WHERE ${conditions.join(' AND ')} FOR NO KEY UPDATE`;
  }

  async #read({ facts: { metadata }, id }: Row): Promise<ObjectLiteral | null> {
    return await outsideTransaction(() =>
      this.dataSource.getRepository(metadata.target).findOne({ where: id, withDeleted: true }),
    );
  }
}

/**
 * Whether the server refused a write because another transaction has written the row since the snapshot was taken, as
 * opposed to a cycle of reads and writes, which it gives a reason for.
 *
 * @see https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ
 */
export function isWrittenMeanwhile(error: unknown): boolean {
  const driverError: unknown = (error as { driverError?: unknown } | null)?.driverError ?? error;
  if (!isServerError(driverError) || driverError.code !== '40001') return false;
  return (driverError as { detail?: string }).detail === undefined;
}

function literal(value: unknown): string {
  const text = value instanceof Date ? value.toISOString() : String(value);
  return Buffer.isBuffer(value) ? `'\\x${value.toString('hex')}'` : quoted(text);
}

/** @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-STRINGS-ESCAPE */
function quoted(text: string): string {
  const doubled = text.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}
