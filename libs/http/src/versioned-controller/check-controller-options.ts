import { InvalidOptionsError } from '@nest-transactional/core';
import {
  aBoolean,
  anObject,
  aString,
  checkOptions,
  listOf,
  oneOf,
  type Expectation,
  type Schema,
} from '@nest-transactional/core/options';
import type { EntityProperties, EntityProperty } from './entity-properties.js';
import { isStandardSchema } from './standard-schema.js';
import type {
  BodyDefinitions,
  FilterOperator,
  Operation,
  PaginationOptions,
  SortOptions,
  VersionedControllerOptions,
} from './versioned-controller-options.js';

export const OPERATIONS: readonly Operation[] = ['list', 'read', 'create', 'replace', 'patch', 'delete'];
const OPERATORS: readonly FilterOperator[] = ['eq', 'ne', 'gt', 'gte', 'lt', 'lte', 'in', 'contains'];

/** What a list's own parameters are called; no filter can have these names. */
const TAKEN: readonly string[] = ['page', 'limit', 'sort', 'search'];

const names = listOf(aString, 0);
const aGroup = anObject('an object of options');

const aBody: Expectation = {
  expected: 'a class, or a schema that implements Standard Schema',
  accepts: (value) => typeof value === 'function' || isStandardSchema(value),
};

const aLimit: Expectation = {
  expected: 'a whole number from 1 to 10000',
  accepts: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000,
};

const retries: Expectation = {
  expected: 'a whole number, 0 or more, or false',
  accepts: (value) => value === false || (Number.isSafeInteger(value) && (value as number) >= 0),
};

const OPTIONS: Schema<VersionedControllerOptions<object>> = {
  path: aString,
  dataSource: aString,
  operations: {
    expected: `an array of at least one of ${OPERATIONS.map((each) => `'${each}'`).join(', ')}`,
    accepts: (value) => listOf(oneOf(...OPERATIONS)).accepts(value),
  },
  dto: aGroup,
  pagination: aGroup,
  sort: aGroup,
  filter: aGroup,
  search: names,
  putCreates: aBoolean,
  requirePrecondition: aBoolean,
  retry: retries,
  cacheControl: aString,
  vary: names,
  tags: names,
};

const DTO: Schema<BodyDefinitions> = { create: aBody, replace: aBody, patch: aBody, read: aBody };
const PAGINATION: Schema<PaginationOptions> = { defaultLimit: aLimit, maxLimit: aLimit };
const SORT: Schema<SortOptions<object>> = { allowed: names, default: names };

/** @throws InvalidOptionsError for an unknown option, an ill-typed value, or a property that cannot be used so */
export function checkControllerOptions(
  where: string,
  options: unknown,
  properties: EntityProperties,
): asserts options is VersionedControllerOptions<object> {
  checkOptions(where, options, OPTIONS);
  if (options.path === undefined) throw new InvalidOptionsError(`${where}: path is missing.`, 'path');
  if (options.dto !== undefined) checkOptions(`${where} dto`, options.dto, DTO);
  checkPagination(where, options.pagination ?? {});
  const check = checkerOf(where, properties);
  checkSort(where, options.sort, check);
  for (const name of options.search ?? []) check('search', name, isSearchable);
  checkFilter(where, options.filter ?? {}, check);
  checkBodies(where, options);
}

function checkPagination(where: string, pagination: PaginationOptions): void {
  checkOptions(`${where} pagination`, pagination, PAGINATION);
  const { defaultLimit = 1, maxLimit = 100 } = pagination;
  if (defaultLimit <= maxLimit) return;
  throw new InvalidOptionsError(
    `${where} pagination: defaultLimit ${defaultLimit} is above maxLimit ${maxLimit}. Raise maxLimit, or lower defaultLimit.`,
    'defaultLimit',
  );
}

function checkSort(where: string, sort: SortOptions<object> | undefined, check: Check): void {
  if (sort === undefined) return;
  checkOptions(`${where} sort`, sort, SORT);
  if (sort.allowed === undefined)
    throw new InvalidOptionsError(`${where} sort: allowed is missing.`, 'allowed');
  for (const name of sort.allowed) check('sort', name, isShown);
  for (const key of sort.default ?? []) check('sort', String(key).replace(/^-/, ''), isShown);
}

function checkFilter(where: string, filter: object, check: Check): void {
  for (const [name, operators] of Object.entries(filter) as [string, unknown][]) {
    if (operators === undefined) continue;
    check('filter', name, isFilterable);
    if (TAKEN.includes(name)) throw refusal(where, 'filter', `'${name}' is a parameter of every list`);
    const { accepts, expected } = listOf(oneOf(...OPERATORS), 0);
    if (!accepts(operators))
      throw new InvalidOptionsError(`${where} filter: ${name} must be ${expected}.`, 'filter');
    if ((operators as FilterOperator[]).includes('contains')) check('filter', name, isSearchable);
  }
}

/** What a merge patch makes of a resource goes through the PUT's definition, which must tell which properties it knows. */
function checkBodies(where: string, { dto = {}, operations }: VersionedControllerOptions<object>): void {
  const whole = dto.replace ?? dto.create;
  const isPatched = operations?.includes('patch') ?? true;
  if (!isPatched || dto.patch !== undefined || !isStandardSchema(whole)) return;
  throw new InvalidOptionsError(
    `${where} dto: a PATCH cannot be checked by the schema of the PUT. Give dto.patch a schema in which everything is optional, or ` +
      `leave 'patch' out of operations.`,
    'dto',
  );
}

interface Usage {
  readonly accepts: (property: EntityProperty) => boolean;
  readonly expected: string;
}

const isShown: Usage = {
  accepts: ({ role }) => !['relation', 'part', 'hidden', 'deleted'].includes(role),
  expected: 'a column that is selected',
};
const isFilterable: Usage = {
  accepts: (property) => isShown.accepts(property) && property.kind?.fromText !== undefined,
  expected: 'a selected column of a type with an order, without a transformer',
};
const isSearchable: Usage = {
  accepts: (property) => isShown.accepts(property) && property.kind?.isText === true,
  expected: 'a selected column of text, without a transformer',
};

type Check = (option: string, name: string, usage: Usage) => void;

function checkerOf(where: string, properties: EntityProperties): Check {
  return (option, name, { accepts, expected }) => {
    const property = properties.get(name);
    if (property === undefined) {
      throw refusal(
        where,
        option,
        `there is no property '${name}'; there are ${[...properties.keys()].join(', ')}`,
      );
    }
    if (!accepts(property)) throw refusal(where, option, `'${name}' is not ${expected}`);
  };
}

function refusal(where: string, option: string, reason: string): InvalidOptionsError {
  return new InvalidOptionsError(`${where} ${option}: ${reason}. Name another property.`, option);
}
