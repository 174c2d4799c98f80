import { TransactionError, type ErrorOutcome } from '@nest-transactional/core';

/** What all errors of this package have in common. */
export interface RequestErrorFacts {
  /** The status that the response gets. */
  readonly status: number;
  /** What became of the data. @defaultValue `'not-started'` */
  readonly outcome?: ErrorOutcome;
  readonly cause?: unknown;
}

/**
 * The base of the errors that a request, and not the server, is the cause of. `status`, `statusCode` and `expose` are the
 * fields by which Nest, Express and Fastify know what to answer, with and without the `ProblemDetailsFilter`.
 */
export abstract class RequestError extends TransactionError {
  /** The status of the response. */
  readonly status: number;
  /** The same, by the name that Nest looks for. */
  readonly statusCode: number;
  /** The message may be shown to the client. */
  readonly expose = true;

  constructor(message: string, { status, outcome = 'not-started', cause }: RequestErrorFacts) {
    super(message, { outcome, cause });
    this.status = status;
    this.statusCode = status;
  }
}

/** A header field cannot be read. It is refused, because to ignore a condition would be to write without it. */
export class MalformedHeaderError extends RequestError {
  readonly code = 'MALFORMED_HEADER';

  constructor(
    /** The field's name, e.g. `If-Match`. */
    readonly header: string,
    /** What is wrong with it; never what it says. */
    readonly reason: string,
    cause?: unknown,
  ) {
    super(`The header field ${header} is malformed: ${reason}. Correct it, or leave it out.`, {
      status: 400,
      cause,
    });
  }
}

/**
 * The representation is not the one that the client has seen, or is there although it must not be. Nothing was changed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-15.5.13
 */
export class PreconditionFailedError extends RequestError {
  readonly code = 'PRECONDITION_FAILED';

  constructor(
    /** The field whose condition is false, e.g. `If-Match`. */
    readonly header: string,
    facts: { entity: string; current?: number | string | null | undefined; cause?: unknown },
  ) {
    super(
      `The condition of ${header} is false: ${stateOf(facts)}. Nothing was changed; get the representation again and ` +
        `apply your change to it.`,
      { status: 412, outcome: facts.cause === undefined ? 'not-started' : 'rolled-back', cause: facts.cause },
    );
    this.entity = facts.entity;
    this.current = facts.current;
  }

  /** The entity's name. */
  readonly entity: string;
  /** The version that the row has, where it is known; `null` where there is no row. */
  readonly current: number | string | null | undefined;
}

/**
 * The resource is changed under a precondition only, and the request has none.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6585#section-3
 */
export class PreconditionRequiredError extends RequestError {
  readonly code = 'PRECONDITION_REQUIRED';

  constructor(
    /** The entity's name. */
    readonly entity: string,
  ) {
    super(
      `This ${entity} is changed under a precondition only. Send its entity tag, which GET tells, as If-Match.`,
      { status: 428 },
    );
  }
}

/** The handler requires an Idempotency-Key, and the request has none. */
export class IdempotencyKeyRequiredError extends RequestError {
  readonly code = 'IDEMPOTENCY_KEY_REQUIRED';

  constructor() {
    super(
      'The request needs an Idempotency-Key. Send a new UUID with each new request, and the same one when you repeat it.',
      {
        status: 400,
      },
    );
  }
}

/** The key was used for another request before. */
export class IdempotencyKeyReusedError extends RequestError {
  readonly code = 'IDEMPOTENCY_KEY_REUSED';

  constructor() {
    super('The Idempotency-Key was used for another request. Send a new key with each new request.', {
      status: 422,
    });
  }
}

/** A request with this key is under way. */
export class IdempotencyKeyInUseError extends RequestError {
  readonly code = 'IDEMPOTENCY_KEY_IN_USE';

  constructor() {
    super(
      'A request with this Idempotency-Key is under way. Repeat it, with the same key, when that one has ended.',
      {
        status: 409,
      },
    );
  }
}

function stateOf({
  entity,
  current,
}: {
  entity: string;
  current?: number | string | null | undefined;
}): string {
  if (current === null) return `there is no such ${entity}`;
  return current === undefined
    ? `the ${entity} is another one than expected`
    : `the ${entity} has version ${current}`;
}
