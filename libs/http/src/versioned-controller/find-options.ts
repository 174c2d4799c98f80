import {
  And,
  Equal,
  type FindManyOptions,
  type FindOperator,
  ILike,
  In,
  LessThan,
  LessThanOrEqual,
  MoreThan,
  MoreThanOrEqual,
  Raw,
} from 'typeorm';
import type { Filter, ListRequest } from './list-query.js';
import type { FilterOperator } from './versioned-controller-options.js';

/** What TypeORM looks for. */
export interface FindParts {
  /** Properties in which the search looks. */
  readonly searched: readonly string[];
  /** Decides the order of what is equal otherwise. */
  readonly key: string;
}

/** A page of a list, as TypeORM is asked for it. */
export function findOptionsOf(
  { page, limit, sort, filters, search }: ListRequest,
  { searched, key }: FindParts,
): FindManyOptions<object> {
  const order = Object.fromEntries(sort.map(({ property, direction }) => [property, direction]));
  return {
    where: whereOf(filters, search === undefined ? [] : searched.map((name) => containing(name, search))),
    order: { ...order, ...(!(key in order) && { [key]: 'ASC' }) },
    skip: (page - 1) * limit,
    take: limit,
  };
}

type Conditions = Record<string, FindOperator<unknown>>;

/** All filters must be met, and one of the searched properties must have the text. */
function whereOf(filters: readonly Filter[], searches: readonly Filter[]): Conditions | Conditions[] {
  if (searches.length === 0) return allOf(filters);
  return searches.map((search) => allOf([...filters, search]));
}

function allOf(filters: readonly Filter[]): Conditions {
  const conditions: Conditions = {};
  filters.forEach(({ property, operator, value }, index) => {
    const condition = OPERATORS[operator](value, `filter_${index}`);
    const other = conditions[property];
    conditions[property] = other === undefined ? condition : And(other, condition);
  });
  return conditions;
}

const containing = (property: string, value: string): Filter => ({ property, operator: 'contains', value });

const OPERATORS: Readonly<Record<FilterOperator, (value: unknown, name: string) => FindOperator<unknown>>> = {
  eq: (value) => Equal(value),
  // Not `<>`: whoever asks for all but the red ones wants those without a colour, too.
  ne: (value, name) => Raw((column) => `${column} IS DISTINCT FROM :${name}`, { [name]: value }),
  gt: (value) => MoreThan(value),
  gte: (value) => MoreThanOrEqual(value),
  lt: (value) => LessThan(value),
  lte: (value) => LessThanOrEqual(value),
  in: (value) => In(value as unknown[]),
  // LIKE has wildcards; what a client looks for has none.
  contains: (value) => ILike(`%${String(value).replace(/[\\%_]/g, '\\$&')}%`),
};
