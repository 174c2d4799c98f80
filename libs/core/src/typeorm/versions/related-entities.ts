import type { EntityMetadata, ObjectLiteral } from 'typeorm';
import type { RelationMetadata } from 'typeorm/metadata/RelationMetadata.js';

type Related = readonly [relation: RelationMetadata, entity: ObjectLiteral, metadata: EntityMetadata];

/** What the entity's relations hold. Only objects: a relation may also be given by a bare key. */
export function relatedEntities(entity: ObjectLiteral, metadata: EntityMetadata): readonly Related[] {
  return metadata
    .extractRelationValuesFromEntity(entity, metadata.relations)
    .filter(([, related]) => typeof related === 'object' && !(related instanceof Promise));
}

/** Calls `visit` for everything that can be reached from the entities by loaded relations, themselves included. */
export function visitLoaded(
  entities: readonly ObjectLiteral[],
  metadata: EntityMetadata,
  visit: (entity: ObjectLiteral, metadata: EntityMetadata) => void,
): void {
  const seen = new Set<ObjectLiteral>();
  const follow = (entity: ObjectLiteral, of: EntityMetadata): void => {
    if (seen.has(entity)) return;
    seen.add(entity);
    visit(entity, of);
    for (const [, related, relatedMetadata] of relatedEntities(entity, of)) follow(related, relatedMetadata);
  };
  for (const entity of entities) follow(entity, metadata);
}
