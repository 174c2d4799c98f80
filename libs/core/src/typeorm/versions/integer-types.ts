const INTEGERS: readonly unknown[] = ['int', 'integer', 'int2', 'int4', 'int8', 'smallint', 'bigint', Number];

/** Whether a column that is declared so holds whole numbers. */
export function isIntegerType(type: unknown): boolean {
  return INTEGERS.includes(type);
}
