import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Req,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { TransactionManager } from '@nest-transactional/core';
import { AnyResponse } from '../any-response.js';
import { Versioned, type VersionedOptions } from '../nest/versioned.decorator.js';
import { BodyMediaTypeInterceptor } from './body-media-type.interceptor.js';
import { Handlers, type Exchanged, type Hooks } from './handlers.js';
import { IdPipe } from './id.pipe.js';
import { ListQueryReader } from './list-query.js';
import { documentOperation, documentTags } from './open-api.js';
import { documentationOf } from './operation-documentation.js';
import { RefusedWritesInterceptor } from './refused-writes.interceptor.js';
import { RepresentationInterceptor } from './representation.interceptor.js';
import { planResource, type EntityClass, type ResourcePlan } from './resource-plan.js';
import { PLAN, TRANSACTIONS, VersionedController } from './versioned-controller.js';
import type { Operation, VersionedControllerOptions } from './versioned-controller-options.js';

/**
 * Makes a controller that serves an entity as a versioned REST resource: list, read, create, replace, merge-patch and delete, each
 * with entity tags and preconditions that hold when the row is written, checked bodies, and OpenAPI. List it among a module's
 * `controllers`, or extend it: its methods can be overridden one by one, and the constructor is the subclass's own.
 *
 * Only plain columns are ever written from a body, and only allowed columns are sorted and filtered by.
 *
 * @param entity - a class with `@Entity()`, one primary column and a `@VersionColumn()`
 * @throws InvalidOptionsError at once, for an unknown option, an ill-typed value, or a property that the entity does not have
 * @example
 * ```ts
 * export class InvoicesController extends createVersionedController(Invoice, {
 *   path: 'invoices',
 *   sort: { allowed: ['number'] },
 * }) {
 *   protected override async removeOne(invoice: Invoice): Promise<void> {
 *     if (invoice.number < 100) throw new ConflictException('The first hundred are kept.');
 *     await super.removeOne(invoice);
 *   }
 * }
 * ```
 */
export function createVersionedController<E extends object>(
  entity: EntityClass<E>,
  options: VersionedControllerOptions<NoInfer<E>>,
): new () => VersionedController<E> {
  const plan = planResource(entity, options);
  class GeneratedController extends VersionedController<E> {}
  const { prototype } = GeneratedController;
  Object.defineProperty(GeneratedController, 'name', { value: `${entity.name}Controller` });
  Object.defineProperty(prototype, PLAN, { value: plan });
  Inject(TransactionManager)(prototype, TRANSACTIONS);
  const handlers = new Handlers(plan, new ListQueryReader(plan.properties, options as never));
  for (const operation of plan.operations) addRoute(prototype, operation, { plan, handlers });
  documentTags(GeneratedController, options.tags ?? [options.path]);
  UseInterceptors(
    BodyMediaTypeInterceptor,
    RefusedWritesInterceptor,
    RepresentationInterceptor,
  )(GeneratedController);
  Controller(options.path)(GeneratedController);
  return GeneratedController;
}

type Handle = (this: unknown, ...all: any[]) => Promise<unknown>;

/** How an operation is reached, and with what it is called. */
interface Route {
  readonly method: MethodDecorator;
  readonly parameters: readonly ParameterDecorator[];
  readonly handle: Handle;
}

interface RouteParts {
  readonly plan: ResourcePlan;
  readonly handlers: Handlers;
}

function addRoute(prototype: object, operation: Operation, { plan, handlers }: RouteParts): void {
  const { method, parameters, handle } = ROUTES[operation](handlers, new IdPipe(plan.key));
  const descriptor: PropertyDescriptor = {
    value: handle,
    writable: true,
    enumerable: false,
    configurable: true,
  };
  Object.defineProperty(handle, 'name', { value: operation });
  Object.defineProperty(prototype, operation, descriptor);
  parameters.forEach((decorate, index) => decorate(prototype, operation, index));
  // Without it, Nest warns of a global ValidationPipe that cannot tell what the parameters are.
  Reflect.defineMetadata('design:paramtypes', Array(parameters.length).fill(Object), prototype, operation);
  documentOperation(handle, documentationOf(operation, plan));
  Versioned(plan.entity, versionedOptions(plan))(prototype, operation, descriptor);
  method(prototype, operation, descriptor);
}

const ROUTES: Readonly<Record<Operation, (handlers: Handlers, id: IdPipe) => Route>> = {
  list: (handlers) => ({
    method: Get(),
    parameters: [Query(), ...exchange],
    handle: function (query, request, response) {
      return handlers.list(this as Hooks, query, exchanged(request, response));
    },
  }),
  read: (handlers, id) => ({
    method: Get(':id'),
    parameters: [Param('id', id), ...exchange],
    handle: function (key, request, response) {
      return handlers.read(this as Hooks, key, exchanged(request, response));
    },
  }),
  create: (handlers) => ({
    method: Post(),
    parameters: [Body(), ...exchange],
    handle: function (body, request, response) {
      return handlers.create(this as Hooks, body, exchanged(request, response));
    },
  }),
  replace: (handlers, id) => ({
    method: Put(':id'),
    parameters: [Param('id', id), Body(), ...exchange],
    handle: function (key, body, request, response) {
      return handlers.replace(this as Hooks, { id: key, body }, exchanged(request, response));
    },
  }),
  patch: (handlers, id) => ({
    method: Patch(':id'),
    parameters: [Param('id', id), Body()],
    handle: function (key, body) {
      return handlers.patch(this as Hooks, { id: key, body });
    },
  }),
  delete: (handlers, id) => ({
    method: both(Delete(':id'), HttpCode(204)),
    parameters: [Param('id', id)],
    handle: function (key) {
      return handlers.remove(this as Hooks, key);
    },
  }),
};

const exchange: readonly ParameterDecorator[] = [Req(), Res({ passthrough: true })];

const exchanged = (request: Exchanged['request'], response: unknown): Exchanged => ({
  request,
  response: new AnyResponse(response),
});

const both =
  (...decorators: readonly MethodDecorator[]): MethodDecorator =>
  (target, key, descriptor) =>
    decorators.forEach((decorate) => decorate(target, key, descriptor));

function versionedOptions({ options }: ResourcePlan): VersionedOptions {
  const { dataSource, requirePrecondition, retry, cacheControl, vary } = options;
  const given = Object.entries({ dataSource, requirePrecondition, retry, cacheControl, vary });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}
