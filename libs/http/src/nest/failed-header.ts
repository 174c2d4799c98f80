import type { Preconditions } from '../rfc/preconditions.js';

/** The header whose condition decided, in the order in which they count. @see RFC 9110 §13.2.2 */
export function failedHeader({ ifMatch, ifUnmodifiedSince, ifNoneMatch }: Preconditions): string {
  // With both, If-Match is the likelier one: who creates with If-None-Match sends it alone.
  if (ifMatch !== undefined) return 'If-Match';
  if (ifNoneMatch !== undefined && ifUnmodifiedSince === undefined) return 'If-None-Match';
  return 'If-Unmodified-Since';
}
