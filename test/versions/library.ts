/**
 * What these specs use of the library, without its Nest part: that takes as long to load as all the rest, and each spec
 * loads it anew.
 */
export {
  InvalidOptionsError,
  MissingVersionError,
  NoTransactionError,
  OptimisticLockError,
  TransactionError,
  UnexpectedRollbackError,
} from '../../libs/core/src/errors.js';
export { enlist } from '../../libs/core/src/typeorm/enlist.js';
export { expectAbsence, expectVersion, forceIncrement } from '../../libs/core/src/typeorm/expect-version.js';
export { incrementVersioned, updateVersioned } from '../../libs/core/src/typeorm/update-versioned.js';
export { VersionPolicy } from '../../libs/core/src/typeorm/versions/version-policy.decorator.js';
