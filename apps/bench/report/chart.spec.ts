import { describe, expect, it } from '@jest/globals';
import type { Figures } from './figures.mjs';
import { chartOf, throughputs } from './chart.mjs';

const line = (label: string, ...roundsUs: number[]) => ({
  label,
  roundTrips: {},
  figures: { ours: { roundsUs } as Figures },
});
const RESULTS = [
  { name: 'own-row', title: '', lines: [line('version', 2, 20, 2), line('row lock', 1, 10, 1)] },
  { name: 'hot-row', title: '', lines: [line('version', 4, 40, 4), line('row lock', 2, 20, 2)] },
];

describe('the chart of the ways to protect a row', () => {
  it('compares, round by round, with row locks where nobody meets', () => {
    expect(throughputs(RESULTS)).toEqual([
      { label: 'version', calm: 0.5, hot: 0.25 },
      { label: 'row lock', calm: 1, hot: 0.5 },
    ]);
  });

  it('has a bar and a number for each', () => {
    const svg = chartOf(throughputs(RESULTS));

    expect(svg.match(/>\d+ %</g)).toEqual(['>50 %<', '>25 %<', '>100 %<', '>50 %<']);
    expect(svg.match(/<rect x="120" y="(?!34)/g)).toHaveLength(4);
  });

  it('needs both workloads', () => {
    expect(() => throughputs(RESULTS.slice(0, 1))).toThrow("without the workload 'hot-row'");
  });
});
