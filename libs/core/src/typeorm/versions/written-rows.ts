import type { ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { EntityFacts, RootLink } from './entity-facts.js';
import { rowOf, type Row } from './row.js';
import { merge } from './value-map.js';
import type { Version } from './version.js';

/** What a statement tells of a row that it wrote. */
export interface WrittenRow {
  readonly row: Row;
  /** The version it was left with, or had when it was deleted. */
  readonly version: Version | undefined;
  /** The roots that it belongs to now, or did when it was deleted. */
  readonly roots: readonly Row[];
}

/**
 * Lets a writing statement tell which rows it wrote: what is needed of them travels in its own RETURNING, under names that
 * TypeORM does not know and so leaves alone.
 */
export class WrittenRows {
  readonly #columns: readonly ColumnMetadata[];
  #areAlone = false;

  constructor(private readonly facts: EntityFacts) {
    const { metadata, version, roots } = facts;
    this.#columns = [
      ...new Set([
        ...metadata.primaryColumns,
        ...(version === undefined ? [] : [version]),
        ...roots.flatMap(({ columns }) => columns),
      ]),
    ];
  }

  /** Whether nobody else wanted anything returned. */
  get areAlone(): boolean {
    return this.#areAlone;
  }

  /** The select list of RETURNING, behind what TypeORM itself wants to have returned. */
  returning(plain: string, escape: (name: string) => string): string {
    this.#areAlone = plain === '';
    const own = this.#columns.map(
      ({ databaseName }, index) => `${escape(databaseName)} AS ${escape(nameOf(index))}`,
    );
    return [...(plain === '' ? [] : [plain]), ...own].join(', ');
  }

  /** Takes the library's part out of the rows that were returned. */
  takeFrom(rows: readonly ObjectLiteral[]): readonly WrittenRow[] {
    return rows.map((raw) => {
      const values = new Map(
        this.#columns.map((column, index) => [column, hydrated(column, raw[nameOf(index)])]),
      );
      this.#columns.forEach((_, index) => delete raw[nameOf(index)]);
      return this.#written(values);
    });
  }

  /** Which rows were written, leaving everything as it is. */
  keysIn(rows: readonly ObjectLiteral[]): readonly string[] {
    return this.takeFrom(rows.map((raw) => ({ ...raw }))).map(({ row }) => row.key);
  }

  #written(values: ReadonlyMap<ColumnMetadata, unknown>): WrittenRow {
    const { facts } = this;
    const id = mapOf(facts.metadata.primaryColumns, (column) => values.get(column));
    return {
      row: rowOf(facts, id),
      version: facts.version && (values.get(facts.version) as Version),
      roots: rootsOf(facts, (column) => values.get(column)),
    };
  }
}

/** The roots that a part's foreign keys refer to. */
export function rootsOf(facts: EntityFacts, valueOf: (column: ColumnMetadata) => unknown): readonly Row[] {
  return facts.roots.flatMap((link) => rootOf(link, valueOf) ?? []);
}

export function rootOf(
  { root, columns }: RootLink,
  valueOf: (column: ColumnMetadata) => unknown,
): Row | undefined {
  const values = columns.map((column) => [column.referencedColumn!, valueOf(column)] as const);
  if (values.some(([, value]) => value === null || value === undefined)) return undefined;
  const byColumn = new Map(values);
  return rowOf(
    root,
    mapOf(root.metadata.primaryColumns, (column) => byColumn.get(column)),
  );
}

function mapOf(
  columns: readonly ColumnMetadata[],
  valueOf: (column: ColumnMetadata) => unknown,
): ObjectLiteral {
  return columns.reduce((map, column) => merge(map, column.createValueMap(valueOf(column))), {});
}

/** The foreign key of a loaded entity. Not by TypeORM's own accessor, which would load a lazy relation to look into it. */
export function foreignKeyIn(entity: ObjectLiteral, column: ColumnMetadata): unknown {
  const { relationMetadata, referencedColumn, isVirtual } = column;
  if (!isVirtual || relationMetadata === undefined) return column.getEntityValue(entity);
  const related: unknown = relationMetadata.getEntityValue(entity);
  const isObject = typeof related === 'object' && related !== null;
  return isObject ? referencedColumn!.getEntityValue(related as ObjectLiteral) : related;
}

/** As an entity has it; a foreign key as the key that it refers to. */
export function hydrated(column: ColumnMetadata, raw: unknown): unknown {
  const { referencedColumn = column, entityMetadata } = column;
  return entityMetadata.connection.driver.prepareHydratedValue(raw, referencedColumn) as unknown;
}

function nameOf(index: number): string {
  return `nest_transactional_${index}`;
}
