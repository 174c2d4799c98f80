import { BadRequestException } from '@nestjs/common';
import type { EntityProperties, EntityProperty } from './entity-properties.js';
import type { FilterOperator, VersionedControllerOptions } from './versioned-controller-options.js';

/** A column and the order in which a list goes by it. */
export interface SortedBy {
  readonly property: string;
  readonly direction: 'ASC' | 'DESC';
}

/** A condition on a column. */
export interface Filter {
  readonly property: string;
  readonly operator: FilterOperator;
  /** Of the column's type; of `in`, an array of them. */
  readonly value: unknown;
}

/** What a request wants to see of a list. */
export interface ListRequest {
  /** From 1. */
  readonly page: number;
  readonly limit: number;
  readonly sort: readonly SortedBy[];
  readonly filters: readonly Filter[];
  readonly search: string | undefined;
}

type Options = Pick<VersionedControllerOptions<object>, 'pagination' | 'sort' | 'filter' | 'search'>;

/** The parameters of a query string, by name, as Express and Fastify parse them. */
export type QueryParameters = Readonly<Record<string, unknown>>;

const MAX_PAGE = 1_000_000;
const MAX_VALUES = 100;
const MAX_SEARCH = 200;

/** What a list may be asked. Only what was allowed has a parameter, so nothing else reaches the database. */
export class ListQueryReader {
  readonly #readers = new Map<string, (text: string, into: Draft) => void>();
  readonly #options: Options;

  constructor(properties: EntityProperties, options: Options) {
    this.#options = options;
    this.#readers.set('page', (text, draft) => (draft.page = wholeNumber('page', text, MAX_PAGE)));
    this.#readers.set('limit', (text, draft) => (draft.limit = wholeNumber('limit', text, this.#maxLimit)));
    if (options.sort) this.#readers.set('sort', (text, draft) => (draft.sort = this.#readSort(text)));
    if (options.search) this.#readers.set('search', (text, draft) => (draft.search = readSearch(text)));
    for (const [name, operators] of Object.entries(options.filter ?? {}) as [string, FilterOperator[]][])
      this.#allowFilters(properties.get(name)!, operators);
  }

  /** @throws BadRequestException with a line for every parameter that is unknown, malformed or out of bounds */
  read(parameters: QueryParameters): ListRequest {
    const draft: Draft = { filters: [] };
    const wrong: string[] = [];
    for (const [name, value] of Object.entries(parameters)) {
      try {
        this.#readParameter(name, value, draft);
      } catch (error) {
        wrong.push((error as Error).message);
      }
    }
    if (wrong.length > 0) throw new BadRequestException(wrong);
    const { page = 1, limit = this.#defaultLimit, sort = this.#defaultSort, filters, search } = draft;
    return { page, limit, sort, filters, search };
  }

  #readParameter(name: string, value: unknown, draft: Draft): void {
    const read = this.#readers.get(name);
    if (read === undefined) throw new Error(`there is no parameter ${JSON.stringify(name.slice(0, 60))}`);
    if (typeof value !== 'string') throw new Error(`${name} must be given once`);
    if (value === '' && name !== 'search') throw new Error(`${name} must not be empty`);
    if (value.includes('\0')) throw new Error(`${name} must not contain NUL`);
    read(value, draft);
  }

  #allowFilters(property: EntityProperty, operators: readonly FilterOperator[]): void {
    for (const operator of operators) {
      const add = (parameter: string): unknown =>
        this.#readers.set(parameter, (text, { filters }) =>
          filters.push({
            property: property.name,
            operator,
            value: filterValue(parameter, text, { property, operator }),
          }),
        );
      add(`${property.name}.${operator}`);
      if (operator === 'eq') add(property.name);
    }
  }

  #readSort(text: string): SortedBy[] {
    const sorted = text.split(',').map(sortedBy);
    const unknown = sorted.find(({ property }) => !this.#options.sort!.allowed.includes(property as never));
    if (unknown !== undefined)
      throw new Error(
        `sort must be one of ${this.#options.sort!.allowed.join(', ')}, with - before it or not`,
      );
    if (new Set(sorted.map(({ property }) => property)).size < sorted.length)
      throw new Error('sort must name each property once');
    return sorted;
  }

  get #maxLimit(): number {
    return this.#options.pagination?.maxLimit ?? 100;
  }

  get #defaultLimit(): number {
    return this.#options.pagination?.defaultLimit ?? Math.min(20, this.#maxLimit);
  }

  get #defaultSort(): SortedBy[] {
    return (this.#options.sort?.default ?? []).map(sortedBy);
  }
}

interface Draft {
  page?: number;
  limit?: number;
  sort?: SortedBy[];
  search?: string | undefined;
  readonly filters: Filter[];
}

function sortedBy(key: string): SortedBy {
  return key.startsWith('-')
    ? { property: key.slice(1), direction: 'DESC' }
    : { property: key, direction: 'ASC' };
}

function wholeNumber(name: string, text: string, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw new Error(`${name} must be a whole number from 1 to ${most}`);
}

function readSearch(text: string): string | undefined {
  if (text.length > MAX_SEARCH) throw new Error(`search must be of at most ${MAX_SEARCH} characters`);
  return text === '' ? undefined : text;
}

function filterValue(
  parameter: string,
  text: string,
  { property, operator }: { property: EntityProperty; operator: FilterOperator },
): unknown {
  const { fromText, expected } = property.kind!;
  if (operator === 'contains') return text;
  const texts = operator === 'in' ? text.split(',') : [text];
  if (texts.length > MAX_VALUES) throw new Error(`${parameter} must have at most ${MAX_VALUES} values`);
  const values = texts.map((each) => fromText!(each));
  if (values.includes(undefined)) throw new Error(`${parameter} must be ${expected}`);
  return operator === 'in' ? values : values[0];
}
