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

/** What is served over HTTP. */
export class Product {
  id = 0;
  sku = '';
  name = '';
  description = '';
  category = '';
  priceCents = 0;
  stock = 0;
  version = 0;
  createdAt = new Date(0);
  updatedAt = new Date(0);
}

/** @type {EntitySchema<Product>} */
const ProductSchema = new EntitySchema({
  target: Product,
  name: 'Product',
  tableName: 'product',
  columns: {
    id: { type: 'int', primary: true },
    sku: { type: 'text' },
    name: { type: 'text' },
    description: { type: 'text' },
    category: { type: 'text' },
    priceCents: { type: 'int', name: 'price_cents' },
    stock: { type: 'int' },
    version: { type: 'int', version: true },
    createdAt: { type: 'timestamptz', name: 'created_at', createDate: true },
    updatedAt: { type: 'timestamptz', name: 'updated_at', updateDate: true },
  },
});

/**
 * @param {import('./contestant.mjs').Target} target
 * @returns {import('typeorm').DataSourceOptions}
 */
export function dataSourceOptions({ url, poolSize }) {
  const entities = [AccountSchema, CounterSchema, ProductSchema];
  return { type: 'postgres', url, poolSize, entities, logging: false };
}

/**
 * @param {import('typeorm').DataSource} dataSource
 * @returns {import('pg').Pool}
 */
export function poolOf({ driver }) {
  return Reflect.get(driver, 'master');
}
