// For the packages beside this one, so that their options are checked, and refused, in the same words.
export {
  aBoolean,
  aCount,
  aDuration,
  aFunction,
  anObject,
  aString,
  checkOptions,
  either,
  listOf,
  oneOf,
  type Expectation,
  type Schema,
} from './transaction/check-options.js';
