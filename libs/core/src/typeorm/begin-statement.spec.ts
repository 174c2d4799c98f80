import { expect, it } from '@jest/globals';
import { defineTransaction, type TransactionOptions } from '../transaction/transaction-options.js';
import { beginStatement } from './begin-statement.js';

it.each<[TransactionOptions, string]>([
  [{}, 'BEGIN'],
  [{ readOnly: false, deferrable: false }, 'BEGIN'],
  [{ isolation: 'READ UNCOMMITTED' }, 'BEGIN ISOLATION LEVEL READ UNCOMMITTED'],
  [{ isolation: 'READ COMMITTED' }, 'BEGIN ISOLATION LEVEL READ COMMITTED'],
  [{ isolation: 'REPEATABLE READ' }, 'BEGIN ISOLATION LEVEL REPEATABLE READ'],
  [{ isolation: 'SERIALIZABLE' }, 'BEGIN ISOLATION LEVEL SERIALIZABLE'],
  [{ readOnly: true }, 'BEGIN READ ONLY'],
  [{ deferrable: true }, 'BEGIN DEFERRABLE'],
  [
    { isolation: 'SERIALIZABLE', readOnly: true, deferrable: true },
    'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE',
  ],
])('%p begins with: %s', (options, statement) => {
  expect(beginStatement(defineTransaction('any', options))).toBe(statement);
});
