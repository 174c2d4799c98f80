import { money } from './format.js';

const asIs = { toInput: String, fromInput: (text) => text.trim(), show: (text) => text || '(nothing)' };

/** What an editor of products edits, and how it is typed and shown. */
export const FIELDS = {
  name: { ...asIs, label: 'Name' },
  description: { ...asIs, label: 'Description' },
  priceCents: {
    label: 'Price',
    toInput: (cents) => (cents / 100).toFixed(2),
    fromInput: (text) => Math.round(Number(text) * 100),
    show: money,
  },
  stock: { label: 'Stock', toInput: String, fromInput: Number, show: String },
  sku: { ...asIs, label: 'SKU' },
  category: { ...asIs, label: 'Category' },
};

export const NAMES = Object.keys(FIELDS);
