/**
 * How often a test repeats itself: a usual run should not keep anybody waiting; a thorough one (`THOROUGH=1 npm test`, and
 * `.ci/run`) is to find what happens once in a thousand times.
 */
export function rounds({ usual, thorough }: { usual: number; thorough: number }): number {
  return process.env['THOROUGH'] === '1' ? thorough : usual;
}
