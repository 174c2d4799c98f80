import type { ObjectLiteral } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';

/** What an entity's columns were, for a rollback to bring back. */
export class Memento {
  readonly #values: readonly (readonly [ColumnMetadata, unknown])[];

  constructor(
    private readonly entity: ObjectLiteral,
    columns: readonly ColumnMetadata[],
  ) {
    this.#values = columns.map((column) => [column, column.getEntityValue(entity)]);
  }

  restore(): void {
    for (const [column, value] of this.#values) {
      column.setEntityValue(this.entity, value);
      // Absent again, not present and undefined: the difference shows in JSON and in comparisons.
      if (value === undefined && column.embeddedMetadata === undefined)
        delete this.entity[column.propertyName];
    }
  }
}

/** Brings back what was before the first of them, so the last comes first. */
export function restoreAll(mementos: readonly Memento[]): void {
  for (const memento of mementos.toReversed()) memento.restore();
}
