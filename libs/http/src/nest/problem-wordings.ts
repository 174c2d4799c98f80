/** What the client is told of an error that says too much by itself. */
export interface Wording {
  readonly status: number;
  /** @defaultValue the error's code, in words */
  readonly title?: string;
  readonly detail: string;
}

export const UNEXPECTED: Wording = {
  status: 500,
  title: 'Internal Server Error',
  detail: 'The server met an error that is not yours to correct. It was noted.',
};

const CONFLICT =
  'The resource was changed by another request meanwhile. Nothing was changed by yours; repeat it.';
const BUSY = 'The server has no room for the request at the moment. Nothing was changed; repeat it later.';

/** By the code of the core's errors. What is not listed is a mistake of the program: a 500 that tells nothing. */
export const TRANSACTION_PROBLEMS: Readonly<Record<string, Wording>> = {
  OPTIMISTIC_LOCK: { status: 409, title: 'Conflict', detail: CONFLICT },
  'OPTIMISTIC_LOCK as precondition': {
    status: 412,
    title: 'Precondition failed',
    detail:
      'The resource is not in the state that the request expects. Nothing was changed; get it again and apply your change to it.',
  },
  ROW_LOCKED: {
    status: 409,
    title: 'Resource in use',
    detail: 'The resource is in use by another request. Nothing was changed; repeat the request later.',
  },
  RETRIES_EXHAUSTED: { status: 503, title: 'Too many collisions', detail: BUSY },
  CONNECTION_STARVATION: { status: 503, title: 'Server busy', detail: BUSY },
  CANNOT_CREATE_TRANSACTION: {
    status: 503,
    title: 'Database not available',
    detail: 'The database cannot be reached at the moment. Nothing was changed; repeat the request later.',
  },
  TRANSACTION_TIMEOUT: {
    status: 503,
    title: 'Out of time',
    detail: 'The request took too long. Nothing was changed; repeat it later.',
  },
  SHUTDOWN: {
    status: 503,
    title: 'Shutting down',
    detail: 'The server is shutting down. Nothing was changed; repeat the request.',
  },
  REQUEST_ABORTED: {
    status: 503,
    title: 'Request aborted',
    detail: 'The connection was closed before the request had ended. Nothing was changed.',
  },
  OUTCOME_UNKNOWN: {
    status: 500,
    title: 'Outcome unknown',
    detail: 'It is unknown whether the request took effect. Look at the resource before you repeat it.',
  },
  AFTER_COMMIT: {
    status: 500,
    title: 'Stored, but not completed',
    detail: 'The request took effect, but what follows it failed. Do not repeat it.',
  },
};
