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

  it('tells how many are done in a second, and compares that round by round, too', () => {
    const reference = [sample(1), sample(10), sample(1)];
    const own = [sample(2), sample(20), sample(2)];

    expect(figuresOf(own, reference)).toMatchObject({ perSecond: 500_000, perSecondRatio: 0.5 });
  });

  it('tells what is more than the same code undecorated, where that was measured', () => {
    const own = [{ ...sample(5), plainMs: 4 }];

    expect(figuresOf(own, [sample(1)])).toMatchObject({ ratio: 5, moreUs: 1 });
  });

  it('compares with the contestant’s own baseline, where there is one', () => {
    const own = [sample(2), sample(20), sample(2)];

    expect(figuresOf(own, own, [sample(1), sample(5), sample(1)])).toMatchObject({
      ratio: 1,
      baselineRatio: 2,
    });
    expect(figuresOf(own, own)).toMatchObject({ baselineRatio: null });
  });

  it('tells retries per call, and what was lost in all rounds', () => {
    const own = [
      { ...sample(1), conflicts: { retries: 500, most: 2, lost: 0 } },
      { ...sample(1), conflicts: { retries: 1500, most: 7, lost: 1 } },
    ];

    expect(figuresOf(own, own).conflicts).toEqual({ retries: 1, most: 7, lost: 1 });
    expect(figuresOf([sample(1)], own).conflicts).toBeNull();
  });

  it('has no latencies where transactions were not timed singly', () => {
    expect(figuresOf([sample(1)], [sample(1)])).toMatchObject({ p50Us: null, p99Us: null });
  });
});

/** Of a thousand units, each of which took so many microseconds. */
function sample(us: number) {
  return { units: 1000, elapsedMs: us, cpuMs: us, latenciesMs: [], calls: 1000 };
}
