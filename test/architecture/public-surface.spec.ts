import { expect, it } from '@jest/globals';
import * as clsHooked from '@nest-transactional/core/cls-hooked';
import * as core from '@nest-transactional/core';
import * as http from '@nest-transactional/http';

// What users import. A change here is a change for them, and belongs in the CHANGELOG.
it('is what it was, in the package itself', () => {
  expect(Object.keys(core).toSorted()).toEqual([
    'AfterCommitError',
    'CannotCreateTransactionError',
    'ConnectionStarvationError',
    'IncompatibleOptionsError',
    'InvalidOptionsError',
    'MissingVersionError',
    'NoTransactionError',
    'NonAtomic',
    'NotManagedError',
    'OptimisticLockError',
    'OutcomeUnknownError',
    'Propagation',
    'PropagationError',
    'RequestAbortedError',
    'RequestTransactions',
    'RetriesExhaustedError',
    'RowLockedError',
    'SelfDeadlockError',
    'ShutdownError',
    'TransactionControlError',
    'TransactionEndedError',
    'TransactionError',
    'TransactionManager',
    'TransactionTimeoutError',
    'Transactional',
    'TransactionalEventListener',
    'TransactionalEvents',
    'TransactionalModule',
    'UnexpectedRollbackError',
    'UnsupportedResponseError',
    'VersionPolicy',
    'VersionedBy',
    'afterCommit',
    'afterCompletion',
    'afterRollback',
    'asyncLocalStorageNamespace',
    'beforeCommit',
    'enlist',
    'expectAbsence',
    'expectVersion',
    'findOrCreate',
    'forceIncrement',
    'incrementVersioned',
    'lockForUpdate',
    'outsideTransaction',
    'trackVersion',
    'updateOrCreate',
    'updateVersioned',
    'versionedByOf',
  ]);
});

it('is what it was, in the subpath for cls-hooked', () => {
  expect(Object.keys(clsHooked)).toEqual(['clsHookedNamespace']);
});

it('is what it was, in the package for HTTP', () => {
  expect(Object.keys(http).toSorted()).toEqual([
    'HTTP_VERSIONING_OPTIONS',
    'HeaderSyntaxError',
    'HttpVersioningModule',
    'IdempotencyKeyInUseError',
    'IdempotencyKeyRequiredError',
    'IdempotencyKeyReusedError',
    'IdempotencyRecord',
    'IdempotencyRecords',
    'Idempotent',
    'IfMatch',
    'MalformedHeaderError',
    'MergePatchDepthError',
    'PROBLEM_JSON',
    'PreconditionFailedError',
    'PreconditionRequiredError',
    'ProblemDetailsFilter',
    'RequestError',
    'Versioned',
    'VersionedController',
    'applyMergePatch',
    'createVersionedController',
    'evaluatePreconditions',
    'formatEntityTag',
    'formatHttpDate',
    'matchesStrongly',
    'matchesWeakly',
    'parseEntityTag',
    'parseEntityTagList',
    'parseHttpDate',
    'parsePreconditions',
  ]);
});
