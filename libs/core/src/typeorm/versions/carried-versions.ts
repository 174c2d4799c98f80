import type { ObjectLiteral } from 'typeorm';
import type { EntityFacts } from './entity-facts.js';

/**
 * The entity that an id map was made of. What TypeORM hands to its query builders is only the map of the primary key that
 * `metadata.getEntityIdMap(entity)` made, so that map has to lead back to the entity, and to the version it carries. A map
 * that does can have come from nowhere else.
 */
export class CarriedVersions {
  /** Listens to one entity's `getEntityIdMap`, on this instance of its metadata only. */
  follow({ metadata }: EntityFacts): void {
    const plain = metadata.getEntityIdMap.bind(metadata);
    metadata.getEntityIdMap = (entity: ObjectLiteral | undefined): ObjectLiteral | undefined => {
      const id = plain(entity);
      if (id !== undefined) new Mark(id, entity!);
      return id;
    };
  }

  /** The entity, or TypeORM's shallow copy of it; `undefined` for what is no id map of TypeORM's. */
  entityOf(id: unknown): ObjectLiteral | undefined {
    return typeof id === 'object' && id !== null ? Mark.entityOn(id) : undefined;
  }
}

class Given {
  constructor(object: object) {
    return object;
  }
}

/** A private field on an object that another one has made: it is not seen by anybody else, and cheaper than a WeakMap. */
class Mark extends Given {
  #entity: ObjectLiteral;

  constructor(id: object, entity: ObjectLiteral) {
    super(id);
    this.#entity = entity;
  }

  static entityOn(id: object): ObjectLiteral | undefined {
    return #entity in id ? (id as Mark).#entity : undefined;
  }
}
