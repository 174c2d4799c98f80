/**
 * How a call relates to the transaction that surrounds it. The words are Spring's.
 *
 * @see https://docs.spring.io/spring-framework/reference/data-access/transaction/declarative/tx-propagation.html
 */
export const Propagation = {
  /** Joins the surrounding transaction, begins one where there is none. The default. */
  REQUIRED: 'REQUIRED',
  /** Always begins its own, on a connection of its own; the surrounding one is suspended meanwhile. */
  REQUIRES_NEW: 'REQUIRES_NEW',
  /** A savepoint in the surrounding transaction; begins one where there is none. */
  NESTED: 'NESTED',
  /** Joins the surrounding transaction, runs without one where there is none. */
  SUPPORTS: 'SUPPORTS',
  /** Runs without a transaction; the surrounding one is suspended meanwhile. */
  NOT_SUPPORTED: 'NOT_SUPPORTED',
  /** Joins the surrounding transaction, fails where there is none. */
  MANDATORY: 'MANDATORY',
  /** Runs without a transaction, fails where there is one. */
  NEVER: 'NEVER',
} as const;

export type Propagation = (typeof Propagation)[keyof typeof Propagation];

/** What surrounds a call: no transaction, an open one, or one that an outer call has suspended. */
export type Surroundings = 'none' | 'open' | 'suspended';

/** What to do with a call, decided before anything is done. */
export type PropagationPlan = 'begin' | 'join' | 'savepoint' | 'bare' | 'suspend' | 'refuse';

const PLANS: Readonly<Record<Propagation, Readonly<Record<Surroundings, PropagationPlan>>>> = {
  REQUIRED: { none: 'begin', open: 'join', suspended: 'begin' },
  REQUIRES_NEW: { none: 'begin', open: 'begin', suspended: 'begin' },
  NESTED: { none: 'begin', open: 'savepoint', suspended: 'begin' },
  SUPPORTS: { none: 'bare', open: 'join', suspended: 'bare' },
  NOT_SUPPORTED: { none: 'bare', open: 'suspend', suspended: 'bare' },
  MANDATORY: { none: 'refuse', open: 'join', suspended: 'refuse' },
  NEVER: { none: 'bare', open: 'refuse', suspended: 'bare' },
};

/** The plan for a call with `propagation` in `surroundings`. */
export function decidePropagation(propagation: Propagation, surroundings: Surroundings): PropagationPlan {
  return PLANS[propagation][surroundings];
}
