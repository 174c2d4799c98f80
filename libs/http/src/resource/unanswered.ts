import { TransactionError } from '@nest-transactional/core';
import { QueryFailedError } from 'typeorm';

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
