import { describe, expect, it } from '@jest/globals';
import { decidePropagation, Propagation, type PropagationPlan, type Surroundings } from './propagation.js';

type Row = [Propagation, none: PropagationPlan, open: PropagationPlan, suspended: PropagationPlan];

const TABLE: Row[] = [
  // propagation    without    inside       where it is suspended
  ['REQUIRED', 'begin', 'join', 'begin'],
  ['REQUIRES_NEW', 'begin', 'begin', 'begin'],
  ['NESTED', 'begin', 'savepoint', 'begin'],
  ['SUPPORTS', 'bare', 'join', 'bare'],
  ['NOT_SUPPORTED', 'bare', 'suspend', 'bare'],
  ['MANDATORY', 'refuse', 'join', 'refuse'],
  ['NEVER', 'bare', 'refuse', 'bare'],
];

const CASES = TABLE.flatMap(([propagation, none, open, suspended]) =>
  Object.entries({ none, open, suspended } satisfies Record<Surroundings, PropagationPlan>).map(
    ([surroundings, plan]) => ({ propagation, surroundings: surroundings as Surroundings, plan }),
  ),
);

describe('propagation', () => {
  it.each(CASES)('$propagation, surroundings $surroundings: $plan', ({ propagation, surroundings, plan }) => {
    expect(decidePropagation(propagation, surroundings)).toBe(plan);
  });

  it('has no mode that the table leaves out, and each is named as it is written', () => {
    expect(Object.keys(Propagation)).toEqual(TABLE.map(([propagation]) => propagation));
    expect(Object.values(Propagation)).toEqual(Object.keys(Propagation));
  });
});
