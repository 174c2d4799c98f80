import type { HttpException } from '@nestjs/common';
import type { ProblemFacts } from '../rfc/problem-details.js';

type Members = Readonly<Record<string, unknown>>;

/** What an `HttpException` was made to tell: its text, the messages of a validation, or members of the application's own. */
export function problemOfHttpException(exception: HttpException): ProblemFacts {
  const status = exception.getStatus();
  if (isOfPlatform(exception.cause)) return { status, detail: DETAILS_OF_STATUS[status] };
  const response: unknown = exception.getResponse();
  if (typeof response === 'string') return { status, detail: response, extensions: codeOf(exception) };
  return { status, ...told(response as Members, codeOf(exception)) };
}

/** An error of Fastify, of a body parser or of `http-errors`; `undefined` for any other. */
export function problemOfHttpError(error: unknown): ProblemFacts | undefined {
  if (!isHttpError(error)) return undefined;
  const { statusCode: status, message, expose } = error;
  if (isOfPlatform(error)) return { status, detail: DETAILS_OF_STATUS[status] };
  return expose === false || status >= 500 ? { status } : { status, detail: message };
}

function told(response: Members, more: Members): Omit<ProblemFacts, 'status'> {
  const { statusCode: _status, errorCode: _code, error: _phrase, ...members } = response;
  const { message, type, title, detail, ...rest } = members;
  const errors = Array.isArray(message) ? { errors: message as unknown[] } : {};
  return {
    type: textOf(type),
    title: textOf(title),
    detail: textOf(detail) ?? withoutQuery(textOf(message)) ?? (Array.isArray(message) ? INVALID : undefined),
    extensions: { ...more, ...errors, ...extensionsIn(rest) },
  };
}

/** Without what problem details cannot carry. */
function extensionsIn(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members).filter(([name]) => /^[A-Za-z]\w{2,}$/.test(name) && !TAKEN.has(name)),
  );
}

function codeOf(exception: HttpException): Members {
  const { errorCode } = exception as { errorCode?: unknown };
  return errorCode === undefined ? {} : { code: errorCode };
}

/** Nest repeats the address of a route that is not there; its query may hold what is not to be repeated. */
function withoutQuery(message: string | undefined): string | undefined {
  return message?.startsWith('Cannot ') ? message.split('?', 1)[0] : message;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 0 ? value : undefined;
}

interface HttpError {
  readonly statusCode: number;
  readonly message: string;
  readonly expose?: boolean;
}

/** As Nest knows them: by what `http-errors` and Fastify put into their errors. */
function isHttpError(error: unknown): error is HttpError {
  if (typeof error !== 'object' || error === null) return false;
  const { statusCode, status, expose, code, message } = error as Members;
  if (!isErrorStatus(statusCode) || typeof message !== 'string') return false;
  if (!(error instanceof Error)) return true;
  return (typeof expose === 'boolean' && status === statusCode) || isFastifyCode(code);
}

function isErrorStatus(status: unknown): status is number {
  return Number.isInteger(status) && (status as number) >= 400 && (status as number) < 600;
}

/** What the platform says of a request that it cannot read. Each says it otherwise, and some repeat what was sent. */
function isOfPlatform(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { type, code, status, statusCode } = error as {
    [key in 'type' | 'code' | 'status' | 'statusCode']?: unknown;
  };
  // An application's own SyntaxError has none.
  if (!isErrorStatus(statusCode ?? status)) return false;
  const isParsers =
    typeof type === 'string' && /^(?:charset|encoding|entity|parameters|request)\./.test(type);
  const isFastifys = isFastifyCode(code) && code !== 'FST_ERR_VALIDATION';
  return isParsers || isFastifys || error instanceof SyntaxError || error instanceof URIError;
}

function isFastifyCode(code: unknown): boolean {
  return typeof code === 'string' && code.startsWith('FST_');
}

const INVALID = 'The request is not valid; errors tells why.';

const TAKEN: ReadonlySet<string> = new Set(['type', 'title', 'status', 'detail', 'instance']);

const DETAILS_OF_STATUS: Readonly<Record<number, string>> = {
  400: 'The request cannot be read: its address or its body is malformed.',
  413: 'The body is larger than the server accepts.',
  415: 'The server does not read bodies of this media type or encoding.',
};
