import { EntitySchema } from 'typeorm';

/** @typedef {import('./contestant.mjs').Account} Account */

/** @type {EntitySchema<Account>} */
export const AccountSchema = new EntitySchema({
  name: 'Account',
  tableName: 'account',
  columns: {
    id: { type: 'int', primary: true },
    owner: { type: 'text' },
    balance: { type: 'int' },
    version: { type: 'int', version: true },
  },
});

/** @type {EntitySchema<{ id: number, value: number }>} */
export const CounterSchema = new EntitySchema({
  name: 'Counter',
  tableName: 'counter',
  columns: { id: { type: 'int', primary: true }, value: { type: 'int' } },
});

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {import('typeorm').DataSourceOptions}
 */
export function dataSourceOptions({ url, poolSize }) {
  return { type: 'postgres', url, poolSize, entities: [AccountSchema, CounterSchema], logging: false };
}

/**
 * @param {import('typeorm').DataSource} dataSource
 * @returns {import('pg').Pool}
 */
export function poolOf({ driver }) {
  return Reflect.get(driver, 'master');
}
