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
