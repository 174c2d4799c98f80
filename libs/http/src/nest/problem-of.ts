import { HttpException } from '@nestjs/common';
import { EntityNotFoundError } from 'typeorm';
import { OptimisticLockError, TransactionError } from '@nest-transactional/core';
import { MalformedHeaderError, PreconditionFailedError, RequestError } from '../errors.js';
import { HeaderSyntaxError } from '../rfc/header-syntax-error.js';
import type { ProblemFacts } from '../rfc/problem-details.js';
import { problemOfHttpError, problemOfHttpException } from './problem-of-http-error.js';
import { TRANSACTION_PROBLEMS, UNEXPECTED, type Wording } from './problem-wordings.js';

/** TypeORM's own words name the conditions of the query. */
const NOT_FOUND = { status: 404, detail: 'There is no such resource.' };

/** What the client is told of an error. */
export interface Problem extends ProblemFacts {
  /** Nobody has meant it to happen: it belongs in the log. */
  readonly isFault: boolean;
}

/**
 * Decides what the client is told of an error: a status, and words of which none comes from the database, from the stack or from
 * somebody else's data.
 *
 * @param typeBase - what stands before the error's name in `type`
 */
export function problemOf(error: unknown, typeBase: string): Problem {
  const thrown = asThrown(error);
  if (thrown instanceof TransactionError) return problemOfTransactionError(thrown, typeBase);
  if (thrown instanceof EntityNotFoundError) return { ...NOT_FOUND, isFault: false };
  const told = thrown instanceof HttpException ? problemOfHttpException(thrown) : problemOfHttpError(thrown);
  return told === undefined
    ? { ...UNEXPECTED, isFault: true }
    : { ...told, isFault: told.status >= 500 && !(thrown instanceof HttpException) };
}

/** The version that the row has, where the error knows it. */
export function currentVersionOf(error: unknown): number | string | undefined {
  const thrown = asThrown(error);
  if (thrown instanceof PreconditionFailedError) return thrown.current ?? undefined;
  // Of what the server read by itself, the client may know nothing.
  const isTold = thrown instanceof OptimisticLockError && !thrown.retryable;
  return isTold ? (thrown.actual ?? undefined) : undefined;
}

/** Nest wraps what is thrown before a handler is found, by a middleware or a body parser. */
function asThrown(error: unknown): unknown {
  if (error instanceof HeaderSyntaxError) return new MalformedHeaderError(error.header, error.reason, error);
  if (!(error instanceof HttpException)) return error;
  const { cause } = error;
  const isWrapped = cause instanceof RequestError || cause instanceof HeaderSyntaxError;
  return isWrapped && cause.status === error.getStatus() ? asThrown(cause) : error;
}

function problemOfTransactionError(error: TransactionError, typeBase: string): Problem {
  const { code } = error;
  const type = `${typeBase}${code.toLowerCase().replaceAll('_', '-')}`;
  const extensions = { code, ...(error instanceof MalformedHeaderError && { header: error.header }) };
  if (error instanceof RequestError) {
    const detail = DETAILS_OF_REQUEST_ERRORS[code] ?? error.message;
    return { type, title: titleOf(code), status: error.status, detail, extensions, isFault: false };
  }
  const { title = titleOf(code), status, detail } = wordingOf(error);
  // That a client has gone is nothing that the log should be filled with.
  const isFault = status >= 500 && code !== 'REQUEST_ABORTED';
  return { type, title, status, detail, extensions, isFault };
}

function wordingOf(error: TransactionError): Wording {
  const conflict = conflictIn(error);
  if (conflict === undefined) return TRANSACTION_PROBLEMS[error.code] ?? UNEXPECTED;
  const isPrecondition = error === conflict && !conflict.retryable;
  return TRANSACTION_PROBLEMS[isPrecondition ? 'OPTIMISTIC_LOCK as precondition' : 'OPTIMISTIC_LOCK']!;
}

/** The conflict that the error is, or that made the retries end. */
function conflictIn(error: unknown): OptimisticLockError | undefined {
  if (error instanceof OptimisticLockError) return error;
  const isExhausted = error instanceof TransactionError && error.code === 'RETRIES_EXHAUSTED';
  return isExhausted ? conflictIn(error.cause) : undefined;
}

/** `PRECONDITION_FAILED` is "Precondition failed". */
function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll('_', ' ');
  return `${words[0]!.toUpperCase()}${words.slice(1)}`.replace('Idempotency key', 'Idempotency-Key');
}

/** Their own messages name the version, which not everybody may see. */
const DETAILS_OF_REQUEST_ERRORS: Readonly<Record<string, string>> = {
  PRECONDITION_FAILED:
    'The resource is not in the state that the request expects. Nothing was changed; get it again and apply your change to it.',
};
