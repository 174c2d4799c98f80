import { Logger } from '@nestjs/common';
import { formatLine, type TransactionLog } from '../transaction/transaction-log.js';

/** Reports through the application's own logger. */
export function nestLog(logger = new Logger('TransactionalModule')): TransactionLog {
  return {
    error(message, subject, cause) {
      const stack = cause instanceof Error ? cause.stack : undefined;
      logger.error(formatLine(message, subject), stack);
    },
    info: (message, subject) => logger.log(formatLine(message, subject)),
  };
}
