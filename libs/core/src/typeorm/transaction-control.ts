/** ROLLBACK TO a savepoint is not among them. */
const CONTROL =
  /^\s*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

/** Whether `sql` would begin or end a transaction behind the library's back. */
export function isTransactionControl(sql: string): boolean {
  return CONTROL.test(sql);
}

/** Whether `sql`, which failed, may have ended the transaction before: it names such a statement further inside. */
export function mayHaveEnded(sql: string): boolean {
  return /\b(?:commit|rollback|end|abort|prepare\s+transaction)\b/i.test(sql);
}
