import type { ServerResponse } from 'node:http';
import { Injectable, type NestInterceptor } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import { TransactionManager } from '../typeorm/transaction-manager.js';
import { isRouteHandler } from './answering-handlers.js';
import { MethodExplorer } from './method-explorer.js';
import { RequestIds, type HttpRequest } from './request-ids.js';

/** What Nest registers a route with on Fastify, where `this` is Fastify's. */
type RouteHandler = (this: unknown, request: HttpRequest, reply: unknown) => unknown;

interface Fastify {
  addHook(name: 'onRoute', hook: (route: { handler: RouteHandler }) => void): unknown;
}

interface Express {
  use(middleware: (request: HttpRequest, response: ServerResponse, next: () => void) => void): unknown;
}

/**
 * Opens the context of an HTTP request in front of its route, where the platform lets it, so that the route needs no interceptor
 * for that: an interceptor costs more than everything else that is done for a request.
 */
@Injectable()
export class RouteContexts {
  /** Only while Nest builds the routes. */
  #building: { readonly end: () => void } | undefined;

  constructor(
    private readonly manager: TransactionManager,
    private readonly ids: RequestIds,
    private readonly methods: MethodExplorer,
    private readonly application: ApplicationConfig,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /**
   * Leaves `interceptor` out of the routes that Nest is about to build, and only out of these: gateways have theirs already;
   * resolvers, further microservices and request-scoped controllers get it when they are built.
   */
  spareRoutes(interceptor: NestInterceptor): void {
    const install = this.#installer();
    if (install === undefined || !this.#buildsRoutes()) return;
    const standIn = new StandIn(() => {
      install();
      // Nest builds all of its routes without a pause, and what it builds otherwise after it.
      queueMicrotask(() => this.endOfRoutes());
    });
    if (!this.#replace(interceptor, [standIn])) return;
    this.#building = { end: () => void this.#replace(standIn, [interceptor]) };
  }

  /** Leaves `interceptor` out of everything that is built from now on. */
  leaveOut(interceptor: NestInterceptor): void {
    this.#replace(interceptor, []);
  }

  /** From now on, `interceptor` belongs to everything that is built. */
  endOfRoutes(): void {
    this.#building?.end();
    this.#building = undefined;
  }

  /** Without a route that shows where they end, nothing may be spared. */
  #buildsRoutes(): boolean {
    return this.methods.ofControllers().some((each) => each.isSingleton && isRouteHandler(each));
  }

  #replace(interceptor: NestInterceptor, others: readonly NestInterceptor[]): boolean {
    const all = this.application.getGlobalInterceptors();
    const index = all.indexOf(interceptor);
    if (index >= 0) all.splice(index, 1, ...others);
    return index >= 0;
  }

  /** Installs behind all that Nest has registered so far; `undefined` for platforms on which nobody knows how. */
  #installer(): (() => void) | undefined {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.getType() === 'express') return () => this.#installOnExpress(httpAdapter.getInstance());
    if (httpAdapter.getType() === 'fastify') return () => this.#installOnFastify(httpAdapter.getInstance());
    return undefined;
  }

  /** Behind every middleware, so that none of them can lose the context. */
  #installOnExpress(express: Express): void {
    express.use((request, _response, next) => this.#open(request, next));
  }

  /** Not a hook of the request: one behind it could lose the context, and reading the body does. */
  #installOnFastify(fastify: Fastify): void {
    const open = this.#open.bind(this);
    fastify.addHook('onRoute', (route) => {
      if (this.#building === undefined) return;
      const { handler } = route;
      route.handler = function (request, reply) {
        return open(request, () => handler.call(this, request, reply));
      };
      Object.defineProperty(route.handler, 'name', { value: handler.name, configurable: true });
    });
  }

  #open<T>(request: HttpRequest, work: () => T): T {
    return this.manager.withContext(work, { requestId: this.ids.ofRequest(request) });
  }
}

/** Nest leaves out an interceptor that cannot intercept; that it asks tells that it is building. */
class StandIn implements NestInterceptor {
  #hasBeenSeen = false;

  constructor(private readonly onFirstSeen: () => void) {}

  get intercept(): NestInterceptor['intercept'] {
    if (!this.#hasBeenSeen) this.onFirstSeen();
    this.#hasBeenSeen = true;
    return undefined as never;
  }
}
