export {
  IdempotencyKeyInUseError,
  IdempotencyKeyRequiredError,
  IdempotencyKeyReusedError,
  MalformedHeaderError,
  PreconditionFailedError,
  PreconditionRequiredError,
  RequestError,
  type RequestErrorFacts,
} from './errors.js';
export type { IdempotencyOptions, IdempotentOptions } from './idempotency/idempotency-options.js';
export { IdempotencyRecord } from './idempotency/idempotency-record.js';
export { IdempotencyRecords, type DeleteExpiredOptions } from './idempotency/idempotency-records.js';
export { Idempotent } from './idempotency/idempotent.decorator.js';
export {
  HTTP_VERSIONING_OPTIONS,
  type EtagOptions,
  type HttpVersioningOptions,
  type ProblemDetailsOptions,
} from './nest/http-versioning-options.js';
export { HttpVersioningModule } from './nest/http-versioning.module.js';
export { IfMatch } from './nest/if-match.decorator.js';
export { ProblemDetailsFilter } from './nest/problem-details.filter.js';
export { Versioned, type VersionedOptions } from './nest/versioned.decorator.js';
export {
  formatEntityTag,
  matchesStrongly,
  matchesWeakly,
  parseEntityTag,
  parseEntityTagList,
  type EntityTag,
  type EntityTagCondition,
} from './rfc/entity-tag.js';
export { HeaderSyntaxError } from './rfc/header-syntax-error.js';
export { formatHttpDate, parseHttpDate } from './rfc/http-date.js';
export { applyMergePatch, MergePatchDepthError } from './rfc/merge-patch.js';
export {
  evaluatePreconditions,
  parsePreconditions,
  type Preconditions,
  type RequestHeaders,
  type Validators,
  type Verdict,
} from './rfc/preconditions.js';
export { PROBLEM_JSON, type ProblemDetails } from './rfc/problem-details.js';
export { createVersionedController } from './versioned-controller/create-versioned-controller.js';
export type { Filter, ListRequest, SortedBy } from './versioned-controller/list-query.js';
export {
  VersionedController,
  type Page,
  type PageQuery,
} from './versioned-controller/versioned-controller.js';
export type {
  BodyDefinition,
  BodyDefinitions,
  FilterOperator,
  Operation,
  PaginationOptions,
  PropertyOf,
  SortKey,
  SortOptions,
  StandardResult,
  StandardSchema,
  VersionedControllerOptions,
} from './versioned-controller/versioned-controller-options.js';
