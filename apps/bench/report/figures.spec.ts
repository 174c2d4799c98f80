import { describe, expect, it } from '@jest/globals';
import { figuresOf } from './figures.mjs';

describe('the figures of a contestant', () => {
  it('compares round with round, so that a slow one does not count', () => {
    const reference = [sample(1), sample(10), sample(1)];
    const own = [sample(2), sample(20), sample(2)];

    expect(figuresOf(own, reference)).toMatchObject({
      timeUs: 2,
      ratio: 2,
      cpuRatio: 2,
      roundsUs: [2, 20, 2],
    });
  });

  it('tells what is more than the same code undecorated, where that was measured', () => {
    const own = [{ ...sample(5), plainMs: 4 }];

    expect(figuresOf(own, [sample(1)])).toMatchObject({ ratio: 5, moreUs: 1 });
  });

  it('has no latencies where transactions were not timed singly', () => {
    expect(figuresOf([sample(1)], [sample(1)])).toMatchObject({ p50Us: null, p99Us: null });
  });
});

/** Of a thousand units, each of which took so many microseconds. */
function sample(us: number) {
  return { units: 1000, elapsedMs: us, cpuMs: us, latenciesMs: [], calls: 1000 };
}
