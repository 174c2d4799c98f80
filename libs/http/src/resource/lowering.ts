import { hasWritePrecondition, type Preconditions } from '../rfc/preconditions.js';
import type { EntityTagCondition } from '../rfc/entity-tag.js';
import { tagOfVersion, versionsNamedBy } from './version-tags.js';

/**
 * How the preconditions of a request that writes are made to hold when the row is written.
 *
 * - `free`: there are none.
 * - `expect`: the row must still have this version; nothing has to be read for that.
 * - `read`: what is there now decides, and the row must stay as it was read.
 */
export type Lowering =
  | { readonly kind: 'free' }
  | { readonly kind: 'expect'; readonly version: string }
  | { readonly kind: 'read' };

/** The commonest case, one entity tag in `If-Match`, costs no statement. */
export function loweringOf(preconditions: Preconditions): Lowering {
  const { ifMatch, ifNoneMatch } = preconditions;
  if (ifMatch === undefined)
    return { kind: ifNoneMatch !== undefined || hasWritePrecondition(preconditions) ? 'read' : 'free' };
  if (ifMatch === '*' || ifNoneMatch !== undefined) return { kind: 'read' };
  const [version, ...others] = versionsNamedBy(ifMatch, 'strong');
  // What is written as if it came after version 0 is version 1, as a new row is.
  const isSimple = version !== undefined && version !== '0' && others.length === 0;
  return isSimple ? { kind: 'expect', version } : { kind: 'read' };
}

/** Whether the conditions name a state of the row, so that it must stay as it was when they were evaluated. */
export function namesState({ ifMatch, ifNoneMatch, ifUnmodifiedSince }: Preconditions): boolean {
  if (ifMatch !== undefined) return ifMatch !== '*';
  return ifUnmodifiedSince !== undefined || (ifNoneMatch !== undefined && ifNoneMatch !== '*');
}

/** The same conditions about versions: which of a version's representations the client has seen makes no difference to a write. */
export function ofVersions(preconditions: Preconditions): Preconditions {
  const { ifMatch, ifNoneMatch } = preconditions;
  return {
    ...preconditions,
    ifMatch: ofVersion(ifMatch, 'strong'),
    ifNoneMatch: ofVersion(ifNoneMatch, 'weak'),
  };
}

function ofVersion(
  condition: EntityTagCondition | undefined,
  comparison: 'strong' | 'weak',
): EntityTagCondition | undefined {
  if (condition === undefined || condition === '*') return condition;
  return versionsNamedBy(condition, comparison).map((version) => tagOfVersion(version));
}
