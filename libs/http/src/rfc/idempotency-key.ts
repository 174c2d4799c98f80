import { FieldReader } from './field-reader.js';
import { HeaderSyntaxError } from './header-syntax-error.js';

/**
 * Parses the value of `Idempotency-Key`; `undefined` when the request has no such header.
 *
 * The standard asks for a String, `"8e03978e"`. Most clients send the bare key, `8e03978e`, which is taken for the same.
 * A key has 1 to 255 characters.
 *
 * @throws {@link HeaderSyntaxError} for a key that is malformed, too short, too long, or one of several.
 * @see draft-ietf-httpapi-idempotency-key-header §2.1; RFC 9651 §3.3.3
 */
export function parseIdempotencyKey(value: string | readonly string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  const reader = new FieldReader(HEADER, typeof value === 'string' ? value : value.join(', '));
  reader.skipBlanks();
  const key = reader.take('"') ? readQuoted(reader) : reader.takeWhile(isBare);
  reader.skipBlanks();
  reader.expectEnd();
  if (key.length < 1 || key.length > MAX_LENGTH) {
    throw new HeaderSyntaxError(HEADER, `a key has 1 to ${MAX_LENGTH} characters`);
  }
  return key;
}

/** The rest of a String, after its first quote. A backslash stands before a quote or another backslash only. */
function readQuoted(reader: FieldReader): string {
  let key = reader.takeWhile(isUnescaped);
  while (reader.take('\\')) {
    if (reader.take('"')) key += '"';
    else {
      reader.expect('\\');
      key += '\\';
    }
    key += reader.takeWhile(isUnescaped);
  }
  reader.expect('"');
  return key;
}

/** Printable ASCII but the quote and the backslash. */
function isUnescaped(code: number): boolean {
  return code >= 0x20 && code <= 0x7e && code !== 0x22 && code !== 0x5c;
}

/**
 * The characters of an RFC 9651 Token, and `=`, with which Base64 ends. No comma: two keys that were joined on the way are
 * not one.
 */
function isBare(code: number): boolean {
  return BARE.has(code);
}

const HEADER = 'Idempotency-Key';
const MAX_LENGTH = 255;
const BARE: ReadonlySet<number> = new Set(
  Array.from(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~:/=",
    (character) => character.charCodeAt(0),
  ),
);
