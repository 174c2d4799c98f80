import { describe, expect, it } from '@jest/globals';
import { median, percentile } from './statistics.mjs';

describe('the median', () => {
  it('is the middle one, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  it('lies between the two in the middle', () => {
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('of nothing is no number', () => {
    expect(median([])).toBeNaN();
  });
});

describe('a percentile', () => {
  it('is interpolated between its neighbours', () => {
    expect(percentile([10, 20], 99)).toBeCloseTo(19.9);
  });

  it('reaches from the least to the greatest', () => {
    expect([percentile([3, 1, 2], 0), percentile([3, 1, 2], 100)]).toEqual([1, 3]);
  });
});
