import { HttpException } from '@nestjs/common';
import { CannotCreateTransactionError, TransactionError } from '@nest-transactional/core';
import { QueryFailedError } from 'typeorm';

/**
 * Reads what decides how a request's transaction begins. Where no server answers, the client is told what it would be told of
 * BEGIN: nothing was done, and it may come again.
 *
 * @throws CannotCreateTransactionError when the connection cannot be had, or is lost
 */
export async function aheadOfBegin<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw isTold(error) ? error : new CannotCreateTransactionError(error);
  }
}

/** Somebody was there to say no. The server ends the session after a FATAL one. */
function isTold(error: unknown): boolean {
  if (error instanceof HttpException || error instanceof TransactionError) return true;
  const driverError: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return (driverError as { severity?: unknown } | undefined)?.severity === 'ERROR';
}
