import { PROBLEM_JSON } from '../rfc/problem-details.js';
import { PATCH_TYPES } from './merge-patch-parsers.js';
import type { OperationDocumentation, ParameterDocumentation, ResponseDocumentation } from './open-api.js';
import type { ResourcePlan } from './resource-plan.js';
import { bodySchema, representationSchema, type ModelledSchema } from './resource-schemas.js';
import type { JsonSchema } from './value-kinds.js';
import type { FilterOperator, Operation } from './versioned-controller-options.js';

/** What OpenAPI says of an operation: parameters, body, and every response that it may get, with its headers. */
export function documentationOf(operation: Operation, plan: ResourcePlan): OperationDocumentation {
  return DOCUMENTATION[operation](plan);
}

const DOCUMENTATION: Readonly<Record<Operation, (plan: ResourcePlan) => OperationDocumentation>> = {
  list: (plan) => {
    const { schema, models } = representationSchema(plan);
    const content = { 'application/json': { schema: pageSchema(schema) } };
    return {
      summary: `List ${plan.options.path}, a page at a time`,
      parameters: listParameters(plan),
      responses: { 200: { description: 'A page', headers: pick('Link'), content }, ...failures(400, 503) },
      models,
    };
  },
  read: (plan) => ({
    summary: `Get a ${plan.entity.name}`,
    parameters: [
      idParameter(plan),
      header('If-None-Match', 'Entity tags that the client has: 304 when one is current'),
    ],
    responses: {
      200: shown(
        'The resource',
        representationSchema(plan),
        pick('ETag', 'Last-Modified', ...(plan.operations.includes('patch') ? ['Accept-Patch'] : [])),
      ),
      304: {
        description: 'The client has the current representation',
        headers: pick('ETag', 'Last-Modified'),
      },
      ...failures(400, 404, 412, 503),
    },
    models: representationSchema(plan).models,
  }),
  create: (plan) => ({
    summary: `Create a ${plan.entity.name}`,
    ...withBody(bodySchema(plan, 'create'), [], ['application/json']),
    responses: { 201: createdResponse(plan), ...failures(400, 409, 415, 422, 503) },
    models: modelsOf(plan, bodySchema(plan, 'create')),
  }),
  replace: (plan) => ({
    summary: `Replace a ${plan.entity.name}`,
    ...withBody(bodySchema(plan, 'replace'), writeParameters(plan, CREATES), ['application/json']),
    responses: {
      200: changedResponse(plan),
      201: createdResponse(plan),
      ...failures(400, 404, 409, 412, 415, 422, 428, 503),
    },
    models: modelsOf(plan, bodySchema(plan, 'replace')),
  }),
  patch: (plan) => ({
    summary: `Change parts of a ${plan.entity.name}`,
    ...withBody(bodySchema(plan, 'patch'), writeParameters(plan), PATCH_TYPES),
    responses: { 200: changedResponse(plan), ...failures(400, 404, 409, 412, 415, 422, 428, 503) },
    models: modelsOf(plan, bodySchema(plan, 'patch')),
  }),
  delete: (plan) => ({
    summary: `Delete a ${plan.entity.name}`,
    parameters: writeParameters(plan),
    responses: { 204: { description: 'It is deleted' }, ...failures(400, 404, 409, 412, 428, 503) },
    models: [],
  }),
};

const text: JsonSchema = { type: 'string' };
const CREATES = '`*` creates it, and 412 tells that it is there already';

const HEADERS: NonNullable<ResponseDocumentation['headers']> = {
  ETag: { description: 'The version, as If-Match takes it', schema: { ...text, example: '"7"' } },
  'Last-Modified': {
    description: 'When it was changed last, where the entity has a date of that',
    schema: text,
  },
  'Content-Location': { description: 'Where GET gives the same', schema: text },
  'Accept-Patch': { description: 'What the body of a PATCH may be', schema: text },
  Location: { description: 'Where it is', schema: text },
  Link: { description: 'The first, previous, next and last page', schema: text },
  'Retry-After': { description: 'After how many seconds to try again', schema: { type: 'integer' } },
};

function pick(...names: readonly string[]): NonNullable<ResponseDocumentation['headers']> {
  return Object.fromEntries(names.map((name) => [name, HEADERS[name]!]));
}

const FAILURES: Readonly<Record<number, string>> = {
  400: 'The request is malformed or not valid',
  404: 'There is no such resource',
  409: 'It contradicts what is stored, or others were faster in every try',
  412: 'A precondition is false: it is another version than the client has seen. Nothing was changed',
  415: 'The body has another media type',
  422: 'The database does not allow these values',
  428: 'A precondition is required: send If-Match',
  503: 'Too busy, too slow or shutting down. Nothing was changed',
};

const PROBLEM: JsonSchema = {
  type: 'object',
  description: 'Problem details, RFC 9457',
  properties: {
    type: { type: 'string', format: 'uri-reference' },
    title: text,
    status: { type: 'integer' },
    detail: text,
    instance: { type: 'string', format: 'uri-reference' },
    errors: { type: 'array', items: {} },
  },
  required: ['type', 'title', 'status'],
};

function failures(...statuses: readonly number[]): Readonly<Record<number, ResponseDocumentation>> {
  const content = { [PROBLEM_JSON]: { schema: PROBLEM } };
  const entries = statuses.map((status) => {
    const description = FAILURES[status]!;
    return [status, { description, content, ...(status === 503 && { headers: pick('Retry-After') }) }];
  });
  return Object.fromEntries(entries) as Readonly<Record<number, ResponseDocumentation>>;
}

function shown(
  description: string,
  { schema }: ModelledSchema,
  headers: NonNullable<ResponseDocumentation['headers']>,
): ResponseDocumentation {
  return { description, headers, content: { 'application/json': { schema } } };
}

const changedResponse = (plan: ResourcePlan): ResponseDocumentation =>
  shown(
    'The resource as it is now',
    representationSchema(plan),
    pick('ETag', 'Last-Modified', 'Content-Location'),
  );

const createdResponse = (plan: ResourcePlan): ResponseDocumentation =>
  shown('The new resource', representationSchema(plan), pick('ETag', 'Last-Modified', 'Location'));

function withBody(
  { schema }: ModelledSchema,
  parameters: readonly ParameterDocumentation[],
  consumes: readonly string[],
): Pick<OperationDocumentation, 'parameters' | 'consumes'> {
  return { parameters: [...parameters, { in: 'body', required: true, schema }], consumes };
}

const modelsOf = (plan: ResourcePlan, body: ModelledSchema): OperationDocumentation['models'] => [
  ...new Set([...body.models, ...representationSchema(plan).models]),
];

const idParameter = ({ key }: ResourcePlan): ParameterDocumentation => ({
  name: 'id',
  in: 'path',
  required: true,
  schema: key.kind.schema,
});

const header = (name: string, description: string, required = false): ParameterDocumentation => ({
  name,
  in: 'header',
  required,
  description,
  schema: text,
});

function writeParameters(plan: ResourcePlan, ifNoneMatch?: string): ParameterDocumentation[] {
  const isRequired = plan.options.requirePrecondition === true && ifNoneMatch === undefined;
  return [
    idParameter(plan),
    header('If-Match', 'The entity tag that the client has seen: 412 when it is another one now', isRequired),
    ...(ifNoneMatch === undefined ? [] : [header('If-None-Match', ifNoneMatch)]),
  ];
}

function listParameters({ options, properties }: ResourcePlan): ParameterDocumentation[] {
  const { pagination = {}, sort, filter = {}, search } = options;
  const { maxLimit = 100, defaultLimit = Math.min(20, maxLimit) } = pagination;
  const query = (name: string, schema: JsonSchema, description?: string): ParameterDocumentation => ({
    name,
    in: 'query',
    required: false,
    schema,
    ...(description !== undefined && { description }),
  });
  const filters = Object.entries(filter as Record<string, readonly FilterOperator[]>).flatMap(
    ([name, operators]) =>
      operators.map((operator) => {
        const { schema } = properties.get(name)!.kind!;
        const isText = operator === 'in' || operator === 'contains';
        return query(
          operator === 'eq' ? name : `${name}.${operator}`,
          isText ? text : schema,
          FILTERS[operator],
        );
      }),
  );
  return [
    query('page', { type: 'integer', minimum: 1, default: 1 }),
    query('limit', { type: 'integer', minimum: 1, maximum: maxLimit, default: defaultLimit }),
    ...(sort
      ? [query('sort', text, `By ${sort.allowed.join(', ')}; with - before it, the greatest first`)]
      : []),
    ...(search ? [query('search', text, `A part of ${search.join(' or ')}, whatever its case`)] : []),
    ...filters,
  ];
}

const FILTERS: Readonly<Record<FilterOperator, string>> = {
  eq: 'Is this',
  ne: 'Is not this',
  gt: 'Is greater than this',
  gte: 'Is this or greater',
  lt: 'Is less than this',
  lte: 'Is this or less',
  in: 'Is one of these, with commas between them',
  contains: 'Has this in it, whatever its case',
};

const pageSchema = (item: JsonSchema): JsonSchema => ({
  type: 'object',
  properties: {
    items: { type: 'array', items: item },
    page: { type: 'integer' },
    limit: { type: 'integer' },
    total: { type: 'integer', description: 'How many there are on all pages together' },
  },
  required: ['items', 'page', 'limit', 'total'],
});
