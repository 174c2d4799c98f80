import { MalformedHeaderError } from '../errors.js';
import { HeaderSyntaxError } from '../rfc/header-syntax-error.js';

/** @throws MalformedHeaderError where `parse` cannot read the header */
export function asMalformedHeader<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof HeaderSyntaxError)) throw error;
    throw new MalformedHeaderError(error.header, error.reason, error);
  }
}
