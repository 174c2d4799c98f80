import type { ErrorClass, ErrorSelector, TransactionDefinition } from './transaction-options.js';

/**
 * Whether `error` rolls the transaction back. As in Spring, the class that is closest in the error's prototype chain
 * wins; without a rule every error rolls back, and so does a tie.
 */
export function isRollbackOn(
  definition: Pick<TransactionDefinition, 'rollbackFor' | 'noRollbackFor'>,
  error: unknown,
): boolean {
  return distance(error, definition.noRollbackFor) >= distance(error, definition.rollbackFor);
}

/** How far up the prototype chain the selected class stands; a predicate that holds is as close as can be. */
function distance(error: unknown, selector: ErrorSelector | undefined): number {
  if (selector === undefined) return Infinity;
  const each = (typeof selector === 'function' ? [selector] : selector).map((one) =>
    isErrorClass(one) ? depthOf(error, one) : one(error) ? 0 : Infinity,
  );
  return Math.min(Infinity, ...each);
}

function isErrorClass(candidate: unknown): candidate is ErrorClass {
  return (
    typeof candidate === 'function' &&
    (candidate === Error || (candidate as { prototype?: unknown }).prototype instanceof Error)
  );
}

function depthOf(error: unknown, errorClass: ErrorClass): number {
  let depth = 0;
  for (let proto: unknown = error; typeof proto === 'object' && proto !== null; depth++) {
    proto = Object.getPrototypeOf(proto);
    if (proto === errorClass.prototype) return depth;
  }
  return Infinity;
}
