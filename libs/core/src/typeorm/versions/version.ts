import { InvalidOptionsError } from '../../errors.js';

/** A version as entities carry it: integer columns give numbers, bigint columns strings. */
export type Version = number | string;

/** @throws InvalidOptionsError unless `version` is a whole number, or the digits of one */
export function assertVersion(what: string, version: unknown): asserts version is Version {
  const isNumber = typeof version === 'number' && Number.isSafeInteger(version);
  if (isNumber || typeof version === 'bigint' || (typeof version === 'string' && /^-?\d+$/.test(version)))
    return;
  throw new InvalidOptionsError(
    `${what} takes a version, which is a whole number (a string of digits for a bigint), not ${String(version)}.`,
    'version',
  );
}

/** Drivers give the same bigint as a string and an in-memory sum as a number: only the digits count. */
export function isSameVersion(one: Version, other: Version): boolean {
  return String(one) === String(other);
}

/** The version after `version`, of the same type; a transformer may have made a bigint of it. */
export function successorOf(version: Version): Version {
  if (typeof version === 'bigint') return (version + 1n) as never;
  return typeof version === 'string' ? String(BigInt(version) + 1n) : version + 1;
}
