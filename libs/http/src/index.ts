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
export {
  evaluatePreconditions,
  parsePreconditions,
  type Preconditions,
  type RequestHeaders,
  type Validators,
  type Verdict,
} from './rfc/preconditions.js';
