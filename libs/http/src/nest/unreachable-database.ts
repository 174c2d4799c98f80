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
    const isTold = error instanceof HttpException || error instanceof TransactionError;
    if (isTold || (error instanceof QueryFailedError && !isLoss(error))) throw error;
    throw new CannotCreateTransactionError(error);
  }
}

/** Whether a request failed because the database did not answer, or not in time: to ask it once more would be to wait again. */
export function isUnanswered(failure: unknown): boolean {
  if (failure instanceof TransactionError) return UNANSWERED.includes(failure.code);
  return failure instanceof QueryFailedError && isLoss(failure);
}

/** The server ends the session after a FATAL error; errors of the connection have no severity. */
function isLoss({ driverError }: QueryFailedError): boolean {
  return (driverError as { severity?: unknown } | undefined)?.severity !== 'ERROR';
}

const UNANSWERED: readonly string[] = [
  'CANNOT_CREATE_TRANSACTION',
  'CONNECTION_STARVATION',
  'REQUEST_ABORTED',
  'SHUTDOWN',
  'TRANSACTION_TIMEOUT',
];
