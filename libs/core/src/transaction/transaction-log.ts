import type { Transaction } from './transaction.js';

/** What a log line is about. */
export interface LogSubject {
  /** e.g. `tx-7 (OrdersService.place)`. */
  readonly transaction: string;
  readonly requestId: string | undefined;
}

/** What the log says of `transaction`. */
export function subjectOf(transaction: Transaction): LogSubject {
  return { transaction: transaction.toString(), requestId: transaction.requestId };
}

/** Where the library reports what no caller may hear: discarded connections, failed rollbacks, refused late work. */
export interface TransactionLog {
  error(message: string, subject: LogSubject, cause?: unknown): void;
  /** One line per transaction, where `logging` asks for it. */
  info?(message: string, subject: LogSubject): void;
}

/** One line, the request first: `[req-1] tx-7 (OrdersService.place): ROLLBACK failed`. */
export function formatLine(message: string, { transaction, requestId }: LogSubject): string {
  return `${requestId === undefined ? '' : `[${requestId}] `}${transaction}: ${message}`;
}

/** Writes to standard error; for use without Nest. */
export const consoleLog: TransactionLog = {
  error: (message, subject, cause) => console.error(formatLine(message, subject), cause ?? ''),
  info: (message, subject) => console.info(formatLine(message, subject)),
};
