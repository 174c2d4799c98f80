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
  const [own, shared] = [handler, controller].map(
    (each) => Reflect.getMetadata(VERSIONED, each) as VersionedDeclaration | undefined,
  );
  return own ?? shared;
}
