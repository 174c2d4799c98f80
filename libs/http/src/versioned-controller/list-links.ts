import type { QueryParameters } from './list-query.js';

/** Where a page stands in its list. */
export interface PagePosition {
  readonly page: number;
  readonly limit: number;
  readonly total: number;
}

/**
 * The value of `Link`: where the other pages are, with the same filters and in the same order.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8288
 */
export function linksOf(path: string, parameters: QueryParameters, position: PagePosition): string {
  const last = Math.max(1, Math.ceil(position.total / position.limit));
  const pages: Readonly<Record<string, number>> = {
    first: 1,
    prev: Math.min(position.page - 1, last),
    next: position.page + 1,
    last,
  };
  return Object.entries(pages)
    .filter(([, page]) => page >= 1 && page <= last)
    .map(([relation, page]) => `<${path}?${queryOf(parameters, page)}>; rel="${relation}"`)
    .join(', ');
}

function queryOf(parameters: QueryParameters, page: number): string {
  const query = new URLSearchParams(Object.entries(parameters) as [string, string][]);
  query.set('page', String(page));
  return query.toString();
}
