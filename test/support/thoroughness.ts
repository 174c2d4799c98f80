import { it } from '@jest/globals';

const isThorough = process.env['THOROUGH'] === '1';

/**
 * How often a test repeats itself: a usual run should not keep anybody waiting; a thorough one (`THOROUGH=1 npm test`, and
 * `.ci/run`) is to find what happens once in a thousand times.
 */
export function rounds({ usual, thorough }: { usual: number; thorough: number }): number {
  return isThorough ? thorough : usual;
}

/** The cases that a usual run tries; a thorough one tries the `further` ones, too. */
export function cases<T, U = T>(usual: readonly T[], further: readonly U[]): (T | U)[] {
  return isThorough ? [...usual, ...further] : [...usual];
}

/** A test that takes too long for a usual run. */
export const itThoroughly = isThorough ? it : it.skip;
