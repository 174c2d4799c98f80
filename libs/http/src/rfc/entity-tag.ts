import { FieldReader } from './field-reader.js';

/**
 * One version of one representation, as the `ETag` header names it.
 *
 * @see RFC 9110 §8.8.3
 */
export interface EntityTag {
  /** Whether the tag is prefixed with `W/`: equal tags then mean equivalent, not identical, representations. */
  readonly isWeak: boolean;
  /** What stands between the quotes. */
  readonly opaque: string;
}

/** What `If-Match` and `If-None-Match` name: some tags, or `*` for any current representation. The list is never empty. */
export type EntityTagCondition = '*' | readonly EntityTag[];

/**
 * Parses the value of an `ETag` header.
 *
 * @throws {@link HeaderSyntaxError} for anything but exactly one entity tag.
 * @see RFC 9110 §8.8.3
 * @example
 * ```ts
 * parseEntityTag('W/"7"'); // { isWeak: true, opaque: '7' }
 * ```
 */
export function parseEntityTag(text: string): EntityTag {
  const reader = new FieldReader('ETag', text);
  const tag = readEntityTag(reader);
  reader.expectEnd();
  return tag;
}

/**
 * Parses the value of `If-Match` or `If-None-Match`; `undefined` when the request has no such header.
 *
 * A header that was sent several times may come as an array or joined with commas. A header without any tag is refused,
 * although the grammar allows an empty list: the client meant to guard its request and lost the tag on the way.
 *
 * @throws {@link HeaderSyntaxError} for a tag without quotes, a `*` beside tags, and an empty list.
 * @see RFC 9110 §13.1.1, §13.1.2, §5.6.1.2
 * @example
 * ```ts
 * parseEntityTagList('If-Match', '"7", "8"'); // [{ isWeak: false, opaque: '7' }, { isWeak: false, opaque: '8' }]
 * ```
 */
export function parseEntityTagList(
  header: 'If-Match' | 'If-None-Match',
  value: string | readonly string[] | undefined,
): EntityTagCondition | undefined {
  if (value === undefined) return undefined;
  const reader = new FieldReader(header, typeof value === 'string' ? value : value.join(', '));
  reader.skipBlanks();
  return reader.take('*') ? endOfStar(reader) : readEntityTags(reader);
}

/**
 * Serialises a tag for the `ETag`, `If-Match` or `If-None-Match` header.
 *
 * @throws TypeError when `opaque` contains a quote, whitespace, a control character or anything beyond Latin-1.
 * @see RFC 9110 §8.8.3
 */
export function formatEntityTag(tag: EntityTag): string {
  if (!isOpaqueText(tag.opaque)) {
    throw new TypeError(
      `${JSON.stringify(tag.opaque)} cannot be an entity tag. Use visible characters of Latin-1 without quotes.`,
    );
  }
  return `${tag.isWeak ? 'W/' : ''}"${tag.opaque}"`;
}

/**
 * Whether both tags are strong and name the same version, as `If-Match` asks.
 *
 * @see RFC 9110 §8.8.3.2
 */
export function matchesStrongly(one: EntityTag, other: EntityTag): boolean {
  return !one.isWeak && !other.isWeak && one.opaque === other.opaque;
}

/**
 * Whether the tags name the same version, weak or not, as `If-None-Match` asks.
 *
 * @see RFC 9110 §8.8.3.2
 */
export function matchesWeakly(one: EntityTag, other: EntityTag): boolean {
  return one.opaque === other.opaque;
}

function endOfStar(reader: FieldReader): '*' {
  reader.skipBlanks();
  reader.expectEnd();
  return '*';
}

function readEntityTags(reader: FieldReader): EntityTag[] {
  const tags = reader.list(() => readEntityTag(reader));
  return tags.length > 0 ? tags : reader.fail('an entity tag');
}

function readEntityTag(reader: FieldReader): EntityTag {
  const isWeak = reader.take('W');
  if (isWeak) reader.expect('/');
  reader.expect('"');
  const opaque = reader.takeWhile(isOpaque);
  reader.expect('"');
  return { isWeak, opaque };
}

/** `etagc`: visible ASCII but the quote, and `obs-text`, which Node decodes as Latin-1. */
function isOpaque(code: number): boolean {
  return code === 0x21 || (code >= 0x23 && code <= 0x7e) || (code >= 0x80 && code <= 0xff);
}

function isOpaqueText(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (!isOpaque(text.charCodeAt(at))) return false;
  return true;
}
