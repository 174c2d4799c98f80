import { expect } from '@jest/globals';
import { PROBLEM_JSON } from '@nest-transactional/http';
import type { Answer } from '../http/exchange.js';
import type { Sent, Stored, StrickenWarehouse } from './stricken-warehouse.js';

/** What a client is told: a status, the code of a problem, and what is in the database by then. */
export type Fate = readonly [status: number, code: string | undefined, stored: Stored];

export const CANNOT_BEGIN: Fate = [503, 'CANNOT_CREATE_TRANSACTION', 'nothing'];
export const TIMED_OUT: Fate = [503, 'TRANSACTION_TIMEOUT', 'nothing'];
export const EXHAUSTED: Fate = [503, 'RETRIES_EXHAUSTED', 'nothing'];
export const UNFORESEEN: Fate = [500, undefined, 'nothing'];
export const ROLLED_BACK: Fate = [500, 'UNEXPECTED_ROLLBACK', 'nothing'];
export const UNKNOWN_AND_NOT_STORED: Fate = [500, 'OUTCOME_UNKNOWN', 'nothing'];
export const UNKNOWN_AND_STORED: Fate = [500, 'OUTCOME_UNKNOWN', 'everything'];
export const STORED_BUT: Fate = [500, 'AFTER_COMMIT', 'everything'];
export const STALE: Fate = [412, 'PRECONDITION_FAILED', 'nothing'];
export const CONFLICTING: Fate = [409, undefined, 'nothing'];

export async function fateOfRequest(warehouse: StrickenWarehouse, sent: Sent, answer: Answer): Promise<Fate> {
  if (answer.status >= 400) expectProblem(answer);
  return [answer.status, codeIn(answer), await warehouse.stored(sent)];
}

function codeIn({ status, body }: Answer): string | undefined {
  return status < 400 ? undefined : (JSON.parse(body) as { code?: string }).code;
}

/** A problem that says nothing of a representation which is not there, nothing that is private, and when to come again. */
export function expectProblem({ status, headers, body }: Answer): void {
  expect(headers).toMatchObject({ 'content-type': PROBLEM_JSON });
  expect(JSON.parse(body)).toMatchObject({ status });
  expect(headers['retry-after']).toBe(status === 503 ? '1' : undefined);
  expect(Object.keys(headers).filter((name) => OF_A_REPRESENTATION.includes(name))).toEqual([]);
  expect(body).not.toMatch(/private|terminat|SELECT|INSERT|UPDATE|ware_|at .*\.ts/);
}

const OF_A_REPRESENTATION: readonly string[] = [
  'etag',
  'last-modified',
  'location',
  'content-location',
  'idempotency-replayed',
];
