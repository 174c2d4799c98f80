import type { EntityManager, EntityMetadata, ObjectLiteral, QueryRunner } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
// Not exported by the package's entry point.
import { DriverUtils } from 'typeorm/driver/DriverUtils.js';

/** A value of a primary key that goes to the server as it is. */
export type KeyValue = string | number;

/** How a column of the answer becomes a property. */
interface Field {
  /** What the column is called in the answer. */
  readonly name: string;
  readonly column: ColumnMetadata;
  /** The property that takes the value; `undefined` where it takes more than an assignment. */
  readonly property: string | undefined;
  /** Whether the value is the property's as the driver gives it. */
  readonly isAsIs: boolean;
}

/** What TypeORM asks, and makes of the answer, when it finds one entity by its primary key. */
export class KeyLookup {
  private constructor(
    private readonly metadata: EntityMetadata,
    private readonly sql: string,
    private readonly fields: readonly Field[],
    /** Where the table was when the SQL was made. */
    private readonly tablePath: string,
  ) {}

  /**
   * Lets TypeORM make the query, and keeps its text. `undefined` where more belongs to it than one SELECT and the columns of
   * the entity.
   *
   * @param names - the properties of the primary key, in the order in which the caller names them
   */
  static compile(
    metadata: EntityMetadata,
    names: readonly string[],
    manager: EntityManager,
  ): KeyLookup | undefined {
    if (!isPlain(metadata)) return undefined;
    const values = names.map((_, index) => `value ${index}`);
    const where = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    const builder = manager
      .createQueryBuilder<ObjectLiteral>(metadata.target, metadata.name)
      .setFindOptions({ where, take: 1 });
    builder.expressionMap.queryEntity = true;
    if (builder.expressionMap.joinAttributes.length > 0) return undefined;
    const [sql, parameters] = builder.getQueryAndParameters();
    if (parameters.length !== values.length || parameters.some((each, index) => each !== values[index]))
      return undefined;
    const fields = metadata.columns
      .filter(({ isVirtual }) => !isVirtual)
      .map((column) => fieldOf(builder.alias, column));
    return new KeyLookup(metadata, sql, fields, metadata.tablePath);
  }

  /** Some applications move a table to another schema, by changing the metadata. */
  get isStale(): boolean {
    return this.tablePath !== this.metadata.tablePath;
  }

  /** @param creator - the runner that TypeORM would have made the entity with; its lazy relations are loaded with it */
  async find(
    values: readonly KeyValue[],
    runner: QueryRunner,
    creator: QueryRunner | undefined,
  ): Promise<ObjectLiteral | undefined> {
    const { records } = await runner.query(this.sql, [...values], true);
    const [row] = records as ObjectLiteral[];
    const entity = row && this.#hydrate(row, creator);
    if (entity !== undefined && this.#mayBeHeard)
      await runner.broadcaster.broadcast('Load', this.metadata, [entity]);
    return entity;
  }

  get #mayBeHeard(): boolean {
    const { relations, afterLoadListeners, connection } = this.metadata;
    return relations.length > 0 || afterLoadListeners.length > 0 || connection.subscribers.length > 0;
  }

  #hydrate(row: ObjectLiteral, creator: QueryRunner | undefined): ObjectLiteral | undefined {
    const { metadata } = this;
    const { driver } = metadata.connection;
    const entity = metadata.create(creator, { fromDeserializer: true, pojo: false }) as ObjectLiteral;
    let hasData = false;
    for (const { name, column, property, isAsIs } of this.fields) {
      const raw: unknown = row[name];
      if (raw === undefined) continue;
      hasData ||= raw !== null;
      const value: unknown = isAsIs ? raw : driver.prepareHydratedValue(raw, column);
      if (property === undefined) column.setEntityValue(entity, value);
      else entity[property] = value;
    }
    return hasData ? entity : undefined;
  }
}

function fieldOf(alias: string, column: ColumnMetadata): Field {
  const { embeddedMetadata, propertyName, transformer, type, databaseName, entityMetadata } = column;
  return {
    name: DriverUtils.buildAlias(entityMetadata.connection.driver, undefined, alias, databaseName),
    column,
    property: embeddedMetadata === undefined ? propertyName : undefined,
    isAsIs: transformer === undefined && AS_IS.has(type),
  };
}

const AS_IS_TYPES =
  'int int2 int4 int8 integer smallint bigint numeric decimal text varchar char character uuid bool boolean json jsonb bytea';

/** Of these, the driver gives what entities have. */
const AS_IS: ReadonlySet<unknown> = new Set<unknown>([String, ...AS_IS_TYPES.split(' ')]);

/** Whether one row is one entity, and nothing else is to be loaded. */
function isPlain(metadata: EntityMetadata): boolean {
  const { tableType, columns, primaryColumns, discriminatorColumn, childEntityMetadatas } = metadata;
  const { parentEntityMetadata, eagerRelations, relationIds, connection } = metadata;
  const isOne = discriminatorColumn === undefined && childEntityMetadatas.length === 0;
  if (tableType !== 'regular' || !isOne || parentEntityMetadata !== undefined) return false;
  if (eagerRelations.length > 0 || relationIds.length > 0 || connection.queryResultCache !== undefined)
    return false;
  return primaryColumns.every(isPlainKey) && !columns.some(({ isVirtualProperty }) => isVirtualProperty);
}

function isPlainKey(column: ColumnMetadata): boolean {
  const { isVirtual, transformer, embeddedMetadata, relationMetadata, referencedColumn } = column;
  return (
    !isVirtual && (transformer ?? embeddedMetadata ?? relationMetadata ?? referencedColumn) === undefined
  );
}
