import { EntitySchema, getMetadataArgsStorage, type DataSource, type EntityMetadata } from 'typeorm';
import type { ColumnMetadata } from 'typeorm/metadata/ColumnMetadata.js';
import type { RelationMetadata } from 'typeorm/metadata/RelationMetadata.js';
import { InvalidOptionsError } from '../../errors.js';
import { isIntegerType } from './integer-types.js';
import { versionPolicyOf, type MissingVersion, type VersionOptions } from './version-policy.decorator.js';
import { versionedByOf, type VersionedByDeclaration } from './versioned-by.decorator.js';

/** What the library needs to know of an entity, decided once. */
export interface EntityFacts {
  readonly metadata: EntityMetadata;
  /** The version that is enforced; `undefined` for an entity without one, or that opted out. */
  readonly version: ColumnMetadata | undefined;
  readonly missing: MissingVersion;
  /** The aggregates that it is a part of. */
  readonly roots: RootLink[];
  /** Whether other entities are parts of it. */
  isRoot: boolean;
  /** What the database fills in, and a rollback takes back. */
  readonly generated: readonly ColumnMetadata[];
}

/** How the row of a part leads to its root. */
export interface RootLink {
  readonly root: EntityFacts;
  /** The part's foreign key; each refers to a column of the root's primary key. */
  readonly columns: readonly ColumnMetadata[];
  /** `undefined` for the rows of a many-to-many relation. */
  readonly relation: RelationMetadata | undefined;
}

/** The facts of all entities of one data source. Built anew when its metadata is. */
export class EntityCatalogue {
  readonly #facts = new Map<EntityMetadata, EntityFacts>();
  readonly #writers = new Map<EntityMetadata, boolean>();
  #hasRoots = false;

  /** @throws InvalidOptionsError for a version or an aggregate that cannot be enforced */
  constructor(
    dataSource: DataSource,
    private readonly options: VersionOptions,
  ) {
    for (const metadata of dataSource.entityMetadatas) this.#describe(metadata);
    for (const facts of this.#facts.values()) {
      this.#linkDeclaredRoots(facts);
      this.#linkManyToMany(facts);
    }
  }

  of(metadata: EntityMetadata): EntityFacts | undefined {
    return this.#facts.get(metadata);
  }

  get all(): Iterable<EntityFacts> {
    return this.#facts.values();
  }

  /** Whether anything is a part of anything. */
  get hasRoots(): boolean {
    return this.#hasRoots;
  }

  /** Whether saving or removing such an entity may write a part of an aggregate, itself or by its relations. */
  mayWriteParts(metadata: EntityMetadata): boolean {
    let answer = this.#writers.get(metadata);
    if (answer === undefined) this.#writers.set(metadata, (answer = this.#leadsToParts(metadata, new Set())));
    return answer;
  }

  #leadsToParts(metadata: EntityMetadata, seen: Set<EntityMetadata>): boolean {
    if (seen.has(metadata)) return false;
    seen.add(metadata);
    if ((this.#facts.get(metadata)?.roots.length ?? 0) > 0) return true;
    return metadata.relations
      .filter(reaches)
      .some(({ junctionEntityMetadata, inverseEntityMetadata }) =>
        [inverseEntityMetadata, ...(junctionEntityMetadata ? [junctionEntityMetadata] : [])].some((next) =>
          this.#leadsToParts(next, seen),
        ),
      );
  }

  #describe(metadata: EntityMetadata): void {
    const policy = versionPolicyOf(metadata.target);
    const facts: EntityFacts = {
      metadata,
      version: policy.enforced === false ? undefined : metadata.versionColumn,
      missing: policy.missing ?? this.options.missing ?? 'database',
      roots: [],
      isRoot: false,
      generated: metadata.columns.filter(isGenerated),
    };
    assertEnforceable(facts);
    this.#facts.set(metadata, facts);
  }

  #linkDeclaredRoots(facts: EntityFacts): void {
    for (const declaration of versionedByOf(facts.metadata.target)) this.#link(facts, declaration);
  }

  #link(facts: EntityFacts, { root, relation }: VersionedByDeclaration): void {
    const { metadata } = facts;
    const where = `@VersionedBy() on ${metadata.name}`;
    const path = String(relation(metadata.propertiesMap as never));
    const found = metadata.findRelationWithPropertyPath(path);
    if (found === undefined || found.joinColumns.length === 0 || found.isManyToMany) {
      throw new InvalidOptionsError(
        `${where}: '${path}' is not a many-to-one or owning one-to-one relation of ${metadata.name}. Name the property ` +
          `that refers to the root, as in (line) => line.order.`,
        'relation',
      );
    }
    const target = root();
    const rootFacts = [...this.#facts.values()].find((each) => each.metadata.target === target);
    if (rootFacts?.version === undefined) {
      throw new InvalidOptionsError(
        `${where}: ${target.name} has no version that could go up. Give it a @VersionColumn().`,
        'root',
      );
    }
    const columns = found.joinColumns;
    if (columns.some((column) => !column.referencedColumn!.isPrimary)) {
      throw new InvalidOptionsError(
        `${where}: '${path}' does not refer to the primary key of ${target.name}.`,
        'relation',
      );
    }
    this.#addLink(facts, { root: rootFacts, columns, relation: found });
  }

  #addLink(part: EntityFacts, link: RootLink): void {
    this.#hasRoots = true;
    // The rows of one table may be written by every class that is stored in it.
    for (const each of this.#ofTable(part)) {
      if (!each.roots.some(({ root, columns }) => root === link.root && columns[0] === link.columns[0]))
        each.roots.push(link);
    }
    for (const each of this.#ofTable(link.root)) each.isRoot = each.version !== undefined;
  }

  #ofTable({ metadata: { tablePath } }: EntityFacts): readonly EntityFacts[] {
    return [...this.#facts.values()].filter(({ metadata }) => metadata.tablePath === tablePath);
  }

  /** The rows between two entities belong to the one that has the @JoinTable. */
  #linkManyToMany(facts: EntityFacts): void {
    if (facts.version === undefined) return;
    for (const { isOwning, junctionEntityMetadata } of facts.metadata.manyToManyRelations) {
      const junction = this.#facts.get(junctionEntityMetadata!);
      if (!isOwning || junction === undefined) continue;
      this.#addLink(junction, { root: facts, columns: junction.metadata.ownerColumns, relation: undefined });
    }
  }
}

/** Whether persisting an entity may write what the relation leads to: by a cascade, or by its foreign key. */
export function reaches(relation: RelationMetadata): boolean {
  const { isCascadeInsert, isCascadeUpdate, isCascadeRemove, isCascadeSoftRemove, isCascadeRecover } =
    relation;
  const isCascading =
    isCascadeInsert || isCascadeUpdate || isCascadeRemove || isCascadeSoftRemove || isCascadeRecover;
  return isCascading || !relation.isWithJoinColumn;
}

function isGenerated(column: ColumnMetadata): boolean {
  const { isCreateDate, isUpdateDate, isDeleteDate, isVersion, asExpression } = column;
  // To look into a lazy relation would load it.
  if (column.relationMetadata?.isLazy) return false;
  const isSpecial = isCreateDate || isUpdateDate || isDeleteDate || isVersion;
  return (
    column.isPrimary || column.isGenerated || isSpecial || (asExpression ?? column.default) !== undefined
  );
}

function assertEnforceable({ metadata, version, missing }: EntityFacts): void {
  if (version === undefined) return;
  const where = `${metadata.name}.${version.propertyPath}`;
  const type = declaredType(version);
  if (!isIntegerType(type)) {
    throw new InvalidOptionsError(
      `${where} is a version of type ${nameOf(type)}, which cannot be enforced: only whole numbers compare exactly ` +
        `(a Date loses microseconds). Make it an integer or a bigint, or opt out with @VersionPolicy({ enforced: false }).`,
      'version',
    );
  }
  if (missing === 'reject' && !version.isSelect) {
    throw new InvalidOptionsError(
      `${where} has select: false, so that loaded entities carry no version, and the policy for them is 'reject'. Select ` +
        `the column, or choose another policy with @VersionPolicy({ missing: 'database' }).`,
      'missing',
    );
  }
}

/** TypeORM makes an integer column of every version, whatever its declaration says: what the property holds is told there. */
function declaredType({ target, propertyName, type, entityMetadata }: ColumnMetadata): unknown {
  const schemas = [entityMetadata.connection.options.entities ?? []].flat() as unknown[];
  const schema = schemas.find(
    (each) => each instanceof EntitySchema && each.options.name === entityMetadata.name,
  );
  const inSchema = (schema as EntitySchema | undefined)?.options.columns[propertyName];
  const declared = getMetadataArgsStorage().columns.find(
    (column) => column.mode === 'version' && column.target === target && column.propertyName === propertyName,
  );
  return inSchema?.type ?? declared?.options.type ?? designType(target, propertyName) ?? type;
}

/** What the compiler wrote down; nothing where it does not emit decorator metadata. */
function designType(target: unknown, propertyName: string): unknown {
  const { getMetadata } = Reflect as {
    getMetadata?: (key: string, prototype: unknown, name: string) => unknown;
  };
  if (getMetadata === undefined || typeof target !== 'function') return undefined;
  const type = getMetadata('design:type', target.prototype, propertyName);
  return type === Date ? Date : undefined;
}

function nameOf(type: unknown): string {
  return typeof type === 'function' ? type.name : String(type);
}
