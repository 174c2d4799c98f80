import type { ObjectLiteral } from 'typeorm';
import type { EntityFacts } from './entity-facts.js';
import type { Version } from './version.js';

/** What an entity had beside its primary key when TypeORM asked for that key. */
export interface Carried {
  readonly version: Version | null | undefined;
  /** The entity, or TypeORM's shallow copy of it. */
  readonly entity: ObjectLiteral;
}

/**
 * The version that an entity carried when TypeORM took it in. What TypeORM hands to its query builders is only the map of
 * the primary key that `metadata.getEntityIdMap(entity)` made, so that map is what the version is remembered by. An id map
 * that is known here can have come from nowhere else.
 */
export class CarriedVersions {
  readonly #carried = new WeakMap<object, Carried>();

  /** Listens to one entity's `getEntityIdMap`, on this instance of its metadata only. */
  follow({ metadata, version }: EntityFacts): void {
    const plain = metadata.getEntityIdMap.bind(metadata);
    metadata.getEntityIdMap = (entity: ObjectLiteral | undefined): ObjectLiteral | undefined => {
      const id = plain(entity);
      if (id !== undefined) {
        const carried = version?.getEntityValue(entity!) as Carried['version'];
        this.#carried.set(id, { version: carried, entity: entity! });
      }
      return id;
    };
  }

  of(id: unknown): Carried | undefined {
    return typeof id === 'object' && id !== null ? this.#carried.get(id) : undefined;
  }
}
