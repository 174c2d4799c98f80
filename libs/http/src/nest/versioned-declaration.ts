import type { EntityTarget, ObjectLiteral } from 'typeorm';
import type { VersionedOptions } from './versioned.decorator.js';

/** What a `@Versioned()` says. */
export interface VersionedDeclaration {
  readonly entity: EntityTarget<ObjectLiteral>;
  readonly options: VersionedOptions;
}

export const VERSIONED = 'nest-transactional:versioned';

/** What the handler was decorated with, or else its controller. */
export function versionedDeclarationOf(
  controller: object,
  handler: object,
): VersionedDeclaration | undefined {
  return notedOn(handler) ?? notedOn(controller);
}

function notedOn(target: object): VersionedDeclaration | undefined {
  return Reflect.getMetadata(VERSIONED, target) as VersionedDeclaration | undefined;
}
