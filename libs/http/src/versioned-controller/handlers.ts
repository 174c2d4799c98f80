import { NotFoundException } from '@nestjs/common';
import type { AnyResponse } from '../any-response.js';
import type { RequestHeaders } from '../rfc/preconditions.js';
import { parseEntityTagList } from '../rfc/entity-tag.js';
import { applyMergePatch } from '../rfc/merge-patch.js';
import { assertNullable, type BodyReader, type Values } from './body-reader.js';
import { findOptionsOf } from './find-options.js';
import { requireObject, withoutKept } from './given-properties.js';
import { pathOf as requestPath } from '../request-path.js';
import { linksOf } from './list-links.js';
import type { ListQueryReader, QueryParameters } from './list-query.js';
import { PATCH_TYPES } from './merge-patch-parsers.js';
import { bodyOf, completed, mergedValues } from './replaced-values.js';
import { isKeyFree, type ResourcePlan } from './resource-plan.js';
import type { Page, PageQuery } from './versioned-controller.js';

/** What a handler is called on: the methods that a subclass may have overridden. */
export interface Hooks {
  findPage(query: PageQuery<object>): Promise<Page<object>>;
  findOne(id: unknown): Promise<object>;
  createOne(values: object, id?: unknown): Promise<object>;
  replaceOne(row: object, values: object): Promise<object>;
  patchOne(row: object, values: object): Promise<object>;
  removeOne(row: object): Promise<void>;
}

/** A request, and the response that it will get. */
export interface Exchanged {
  readonly request: { readonly url: string; readonly originalUrl?: string; readonly headers: RequestHeaders };
  readonly response: AnyResponse;
}

/** What the routes of a controller do: each reads the request, calls a method of the controller, and says what came of it. */
export class Handlers {
  readonly #listQuery: ListQueryReader;

  constructor(
    private readonly plan: ResourcePlan,
    listQuery: ListQueryReader,
  ) {
    this.#listQuery = listQuery;
  }

  async list(hooks: Hooks, parameters: QueryParameters, exchanged: Exchanged): Promise<unknown> {
    const request = this.#listQuery.read(parameters);
    const { options, key } = this.plan;
    const find = findOptionsOf(request, { searched: options.search ?? [], key: key.name });
    const { items, total } = await hooks.findPage({ ...request, find });
    const { page, limit } = request;
    exchanged.response.setHeader('Link', linksOf(pathOf(exchanged), parameters, { page, limit, total }));
    return { items, page, limit, total };
  }

  async read(hooks: Hooks, id: unknown, { response }: Exchanged): Promise<object> {
    const row = await hooks.findOne(id);
    // RFC 5789 §3.1: whoever has got a resource knows how to change it.
    if (this.plan.operations.includes('patch')) response.setHeader('Accept-Patch', PATCH_TYPES.join(', '));
    return row;
  }

  async create(hooks: Hooks, body: unknown, exchanged: Exchanged): Promise<object> {
    const { properties, entity, bodies } = this.plan;
    const given = withoutKept(properties, requireObject(body), { purpose: 'create', entity: entity.name });
    const row = await hooks.createOne(await bodies.create.read(given, 'create'));
    return this.#created(row, exchanged, `${pathOf(exchanged)}/`);
  }

  async replace(hooks: Hooks, target: Target, exchanged: Exchanged): Promise<object> {
    const { properties, entity, bodies } = this.plan;
    const row = await this.#rowOrNone(hooks, target.id, exchanged);
    const body = requireObject(target.body);
    const current = row ?? { [this.plan.key.name]: target.id };
    const purpose = row === undefined ? 'create' : 'replace';
    const given = withoutKept(properties, body, { purpose, current, entity: entity.name });
    const values = await bodies.replace.read(given, purpose);
    if (row === undefined) return this.#created(await hooks.createOne(values, target.id), exchanged);
    return await hooks.replaceOne(row, completed(properties, values, await bodies.replace.knownProperties()));
  }

  async patch(hooks: Hooks, { id, body }: Target): Promise<object> {
    const row = await hooks.findOne(id);
    const { properties, entity } = this.plan;
    const comparison = { purpose: 'patch', current: row, entity: entity.name } as const;
    const patch = withoutKept(properties, requireObject(body), comparison);
    const values = await this.#patchValues(row, patch);
    // A definition may have defaults for what the patch does not name.
    const named = Object.entries(values).filter(([name]) => Object.hasOwn(patch, name));
    return await hooks.patchOne(row, Object.fromEntries(named));
  }

  async remove(hooks: Hooks, id: unknown): Promise<void> {
    await hooks.removeOne(await hooks.findOne(id));
  }

  /** @throws NotFoundException when there is none, and the request may not create it */
  async #rowOrNone(hooks: Hooks, id: unknown, exchanged: Exchanged): Promise<object | undefined> {
    try {
      return await hooks.findOne(id);
    } catch (error) {
      if (error instanceof NotFoundException && this.#mayCreate(exchanged)) return undefined;
      throw error;
    }
  }

  #mayCreate({ request: { headers } }: Exchanged): boolean {
    const { options, key } = this.plan;
    if (options.putCreates === true) return true;
    return isKeyFree(key) && parseEntityTagList('If-None-Match', headers['if-none-match']) === '*';
  }

  async #patchValues(row: object, patch: Values): Promise<Values> {
    const { bodies, options, properties } = this.plan;
    if (bodies.patch !== undefined)
      return mergedValues(properties, row, await bodies.patch.read(patch, 'patch'));
    const isDefined = (options.dto?.replace ?? options.dto?.create) !== undefined;
    if (isDefined) return await this.#wholePatchValues(bodies.replace, row, patch);
    return await bodies.replace.read(mergedValues(properties, row, patch), 'patch');
  }

  /** What the patch makes of the row must be right as a whole; then only what the patch names is written. */
  async #wholePatchValues(reader: BodyReader, row: object, patch: Values): Promise<Values> {
    const { properties } = this.plan;
    const whole = applyMergePatch(bodyOf(properties, row, await reader.knownProperties()), patch);
    const values = await reader.readPatched(whole as Values, patch);
    const nulls = Object.entries(patch).filter(([, value]) => value === null);
    assertNullable(
      properties,
      nulls.map(([name]) => name),
    );
    return { ...values, ...Object.fromEntries(nulls) };
  }

  #created(row: object, { response, request }: Exchanged, base?: string): object {
    const id = encodeURIComponent(String((row as Values)[this.plan.key.name]));
    response.setStatus(201);
    response.setHeader('Location', base === undefined ? pathOf({ request }) : base + id);
    return row;
  }
}

/** What a request is about, and what it says of it. */
export interface Target {
  readonly id: unknown;
  readonly body: unknown;
}

/** As the client has it, without a slash at its end. */
function pathOf({ request }: Pick<Exchanged, 'request'>): string {
  return requestPath(request).replace(/\/+$/, '');
}
