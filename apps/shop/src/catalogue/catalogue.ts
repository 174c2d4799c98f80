import type { Product } from '../products/product.entity.js';
import type { Family } from './family.js';
import { home } from './home.js';
import { kitchen } from './kitchen.js';
import { outdoor } from './outdoor.js';
import { stationery } from './stationery.js';

export type CatalogueProduct = Pick<
  Product,
  'sku' | 'name' | 'description' | 'category' | 'priceCents' | 'stock'
>;

/** What the shop sells on its first day: the same products, names and prices on every machine. */
export function catalogue(): CatalogueProduct[] {
  return [
    ...productsOf('kitchen', 'KIT', kitchen),
    ...productsOf('outdoor', 'OUT', outdoor),
    ...productsOf('stationery', 'STA', stationery),
    ...productsOf('home', 'HOM', home),
  ];
}

function productsOf(category: string, prefix: string, families: Family[]): CatalogueProduct[] {
  return families.flatMap(({ code, name, description, variants }) =>
    Object.entries(variants).map(([variant, [priceCents, stock]]) => ({
      sku: [prefix, code, ...(variant.toUpperCase().match(/[A-Z0-9]+/g) ?? [])].join('-'),
      name: variant ? `${name}, ${variant}` : name,
      description,
      category,
      priceCents,
      stock,
    })),
  );
}
