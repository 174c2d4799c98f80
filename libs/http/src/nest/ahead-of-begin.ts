import { HttpException } from '@nestjs/common';
import { CannotCreateTransactionError, TransactionError } from '@nest-transactional/core';
import { QueryFailedError } from 'typeorm';
import { isUnanswered } from '../resource/unanswered.js';

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
    if (isTold || (error instanceof QueryFailedError && !isUnanswered(error))) throw error;
    throw new CannotCreateTransactionError(error);
  }
}
