import type { DataSource, EntityManager, EntityMetadata, EntityTarget, ObjectLiteral } from 'typeorm';
import type { VersionKeeper } from '../versions/version-keeper.js';
import { KeyLookup, type KeyValue } from './key-lookup.js';

/** Stands in for TypeORM's `findOne()` and `findOneBy()` where they ask for a primary key, and for nothing else. */
export class KeyLookups {
  /** By entity, and by the properties of its key as the caller names them; `null` where TypeORM has to do it. */
  readonly #known = new WeakMap<EntityMetadata, Map<string, KeyLookup | null>>();

  constructor(private readonly keeper: VersionKeeper) {}

  /** @returns `undefined` where it is left to TypeORM */
  find(
    manager: EntityManager,
    target: EntityTarget<ObjectLiteral>,
    where: unknown,
  ): Promise<ObjectLiteral | null> | undefined {
    const { keeper } = this;
    const { dataSource } = keeper;
    if (!isPlainObject(where) || !dataSource.hasMetadata(target)) return undefined;
    const metadata = dataSource.getMetadata(target);
    const names = Object.keys(where);
    const values = names.map((name) => where[name] as KeyValue);
    if (!values.every(isKeyValue)) return undefined;
    const lookup = this.#lookupOf(metadata, names, manager);
    if (lookup === undefined || this.#isToLock(metadata, where, manager)) return undefined;
    return this.#run(lookup, values, { manager, metadata, dataSource });
  }

  /** As `findOne()` takes it: with options that say nothing but where. */
  findOne(
    manager: EntityManager,
    target: EntityTarget<ObjectLiteral>,
    options: unknown,
  ): Promise<ObjectLiteral | null> | undefined {
    if (!isPlainObject(options)) return undefined;
    const [name, ...others] = Object.keys(options);
    return name === 'where' && others.length === 0 ? this.find(manager, target, options['where']) : undefined;
  }

  #lookupOf(
    metadata: EntityMetadata,
    names: readonly string[],
    manager: EntityManager,
  ): KeyLookup | undefined {
    let lookups = this.#known.get(metadata);
    if (lookups === undefined) this.#known.set(metadata, (lookups = new Map<string, KeyLookup | null>()));
    const key = names.join();
    const known = lookups.get(key);
    if (known !== undefined && !known?.isStale) return known ?? undefined;
    if (!isKeyOf(metadata, names)) return undefined;
    const lookup = KeyLookup.compile(metadata, names, manager);
    lookups.set(key, lookup ?? null);
    return lookup;
  }

  /** Locked rows are rare, and left to the query builder. */
  #isToLock(metadata: EntityMetadata, where: ObjectLiteral, { queryRunner }: EntityManager): boolean {
    const { keeper } = this;
    return !keeper.hotRows.areNone && keeper.shouldLock(metadata, where, queryRunner);
  }

  async #run(
    lookup: KeyLookup,
    values: readonly KeyValue[],
    { manager, metadata, dataSource }: Surroundings,
  ): Promise<ObjectLiteral | null> {
    const own = manager.queryRunner;
    const runner = own ?? dataSource.createQueryRunner(dataSource.defaultReplicationModeForReads());
    try {
      const entity = await lookup.find(values, runner, own);
      if (entity === undefined) return null;
      this.keeper.noteLoaded(metadata, [entity], { runner, hasJoins: false, isLocking: false });
      return entity;
    } finally {
      if (own === undefined) await runner.release();
    }
  }
}

interface Surroundings {
  readonly manager: EntityManager;
  readonly metadata: EntityMetadata;
  readonly dataSource: DataSource;
}

function isPlainObject(value: unknown): value is ObjectLiteral {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function isKeyValue(value: unknown): value is KeyValue {
  return typeof value === 'string' || typeof value === 'number';
}

function isKeyOf({ primaryColumns }: EntityMetadata, names: readonly string[]): boolean {
  return (
    names.length === primaryColumns.length &&
    primaryColumns.every(({ propertyPath }) => names.includes(propertyPath))
  );
}
