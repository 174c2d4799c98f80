import type { Version } from '@nest-transactional/core';
import type { EntityTag, EntityTagCondition } from '../rfc/entity-tag.js';

/** A version and, behind a hyphen, which of its representations it is. */
const TAG = /^(0|[1-9]\d*)(?:-[0-9a-f]+)?$/;

/**
 * The entity tag of a version: `"7"`, or `"7-1f3a"` where several representations of one version exist.
 *
 * @param variant - hexadecimal digits that tell the representations of one version apart
 */
export function tagOfVersion(version: Version, variant?: string): EntityTag {
  return { isWeak: false, opaque: variant === undefined ? String(version) : `${version}-${variant}` };
}

/**
 * The versions that a condition names. Which representation of a version the client has seen does not matter to a write:
 * whoever has seen one of them has seen the version. What is no tag of a version names none.
 *
 * @param comparison - `strong`, as of `If-Match`, leaves weak tags out
 */
export function versionsNamedBy(
  condition: Exclude<EntityTagCondition, '*'>,
  comparison: 'strong' | 'weak',
): readonly string[] {
  const versions = condition.flatMap(({ isWeak, opaque }) => {
    const version = isWeak && comparison === 'strong' ? undefined : TAG.exec(opaque)?.[1];
    return version === undefined ? [] : [version];
  });
  return [...new Set(versions)];
}
