import { EFFECTS } from './cases/effects.js';
import { READS } from './cases/reads.js';
import { REFUSALS } from './cases/refusals.js';
import { WRITES } from './cases/writes.js';

/** What every platform has to answer alike. */
export const CASES = [...READS, ...WRITES, ...EFFECTS, ...REFUSALS];
