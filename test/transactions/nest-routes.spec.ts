import { AsyncResource } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  Global,
  Head,
  Injectable,
  Module,
  Options,
  Post,
  Scope,
  UseGuards,
  UseInterceptors,
  VersioningType,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type MiddlewareConsumer,
  type NestInterceptor,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, ExternalContextCreator } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TransactionalModule, TransactionManager } from '@nest-transactional/core';
import { listen, LogLines, PLATFORMS, typeOrmOptions } from './application.js';
import { EnlistedDatabase } from './enlisted-database.js';

/** What is made here belongs to no request. */
const nowhere = new AsyncResource('nowhere');

const elsewhere = (work: () => void): void => void setImmediate(() => nowhere.runInAsyncScope(work));

@Injectable()
class NotingGuard implements CanActivate {
  constructor(private readonly transactions: TransactionManager) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<{ guarded?: string | undefined }>();
    request.guarded = this.transactions.requestId;
    await new Promise<void>(elsewhere);
    return true;
  }
}

/** As one that reads a file from a stream's events. */
@Injectable()
class CallbackInterceptor implements NestInterceptor {
  async intercept(_context: ExecutionContext, next: CallHandler) {
    await new Promise<void>(elsewhere);
    return next.handle();
  }
}

@Controller('seen')
class SeenController {
  constructor(private readonly transactions: TransactionManager) {}

  @Get()
  async read() {
    await new Promise<void>(elsewhere);
    return { id: this.transactions.requestId };
  }

  @Head('head')
  head(): void {}

  @Options()
  options() {
    return { id: this.transactions.requestId };
  }

  @Post()
  @UseGuards(NotingGuard)
  @UseInterceptors(CallbackInterceptor)
  write(@Body() body: object) {
    return { id: this.transactions.requestId, body };
  }

  @Get('guarded')
  @UseGuards(NotingGuard)
  guarded() {
    return { id: this.transactions.requestId };
  }
}

@Controller({ path: 'scoped', scope: Scope.REQUEST })
class ScopedController {
  constructor(private readonly transactions: TransactionManager) {}

  @Get()
  read() {
    return { id: this.transactions.requestId };
  }
}

@Module({ controllers: [ScopedController, SeenController], providers: [NotingGuard, CallbackInterceptor] })
class SeenModule {}

/** Goes on in no context, as callbacks of a pool do. */
@Module({})
class ForgetfulModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((_request: unknown, _response: unknown, next: () => void) => elsewhere(next))
      .forRoutes('seen');
  }
}

type Listener = () => Promise<string | undefined>;

/** Builds a handler of its own, as transports do, before TransactionalModule has begun. */
@Global()
@Module({})
class QueueModule implements OnModuleInit {
  receive: Listener | undefined;

  constructor(
    private readonly external: ExternalContextCreator,
    private readonly transactions: TransactionManager,
  ) {}

  onModuleInit(): void {
    this.receive = this.external.create(this, this.handle, 'handle') as Listener;
  }

  handle = (): string | undefined => this.transactions.requestId;
}

interface FastifyInstance {
  get(path: string, handler: () => unknown): unknown;
}

interface Parts {
  readonly platform?: (typeof PLATFORMS)[number];
  readonly adapter?: ExpressAdapter | FastifyAdapter;
  readonly imports?: object[];
  readonly mode?: 'opt-in' | 'off';
  readonly prepare?: (application: INestApplication) => unknown;
}

async function start({ platform, imports = [SeenModule], mode = 'opt-in', prepare, ...parts }: Parts) {
  const adapter = parts.adapter ?? (platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter());
  const module = await Test.createTestingModule({
    imports: [
      ...(imports as never[]),
      TypeOrmModule.forRoot(typeOrmOptions()),
      TransactionalModule.forRoot({ request: { mode } }),
    ],
  }).compile();
  const application = module.createNestApplication(adapter as ExpressAdapter, { logger: new LogLines() });
  prepare?.(application);
  return await application.init();
}

function interceptorOf(application: INestApplication): NestInterceptor | undefined {
  const all = application.get(ApplicationConfig).getGlobalInterceptors();
  return all.find((each) => each.constructor.name === 'RequestContextInterceptor');
}

const named = (id: string) => ({ headers: { 'x-request-id': id } });

interface Sent extends RequestInit {
  readonly headers?: Record<string, string>;
}

async function seenAt(url: string, id = 'req-1', init: Sent = {}): Promise<unknown> {
  const response = await fetch(url, { ...init, headers: { ...named(id).headers, ...init.headers } });
  return await response.json();
}

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
afterAll(() => database.close());

describe.each(PLATFORMS)('the context of a request on %s', (platform) => {
  let application: INestApplication;
  let url: string;

  beforeAll(async () => {
    application = await start({ platform });
    url = await listen(application);
  });
  afterAll(() => application.close());

  it('is there when guards look', async () => {
    const requests: { guarded?: string }[] = [];
    const guard = application.select(SeenModule).get(NotingGuard);
    const canActivate = jest.spyOn(guard, 'canActivate').mockImplementationOnce(async (context) => {
      requests.push(context.switchToHttp().getRequest());
      canActivate.mockRestore();
      return await guard.canActivate(context);
    });

    expect(await seenAt(`${url}/seen/guarded`)).toEqual({ id: 'req-1' });
    expect(requests.map(({ guarded }) => guarded)).toEqual(['req-1']);
  });

  it('outlasts a body that is read, a guard and an interceptor that go on elsewhere', async () => {
    const init = { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } };

    expect(await seenAt(`${url}/seen`, 'req-2', init)).toEqual({ id: 'req-2', body: { a: 1 } });
  });

  it('is each request’s own', async () => {
    const ids = Array.from({ length: 50 }, (_, number) => `req-${number}`);
    const paths = ['seen', 'scoped'];
    const seen = await Promise.all(ids.map((id, n) => seenAt(`${url}/${paths[n % 2]}`, id)));

    expect(seen).toEqual(ids.map((id) => ({ id })));
  });

  it('is there for HEAD, for OPTIONS, and for a route that HEAD shares with GET', async () => {
    const manager = application.get(TransactionManager);
    const opened = jest.spyOn(manager, 'withContext');
    const asked = await Promise.all([
      fetch(`${url}/seen/head`, { method: 'HEAD', ...named('req-3') }),
      fetch(`${url}/seen`, { method: 'HEAD', ...named('req-4') }),
      fetch(`${url}/seen`, { method: 'OPTIONS', ...named('req-5') }),
    ]);
    const names = new Set(opened.mock.calls.map(([, context]) => context?.requestId));
    opened.mockRestore();

    expect(asked.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(names).toEqual(new Set(['req-3', 'req-4', 'req-5']));
    expect(await asked[2]!.json()).toEqual({ id: 'req-5' });
  });

  it('is opened without an interceptor, but in controllers that are made for each request', async () => {
    const intercept = jest.spyOn(interceptorOf(application)!, 'intercept');
    await seenAt(`${url}/seen`);
    expect(intercept).not.toHaveBeenCalled();

    expect(await seenAt(`${url}/scoped`)).toEqual({ id: 'req-1' });
    expect(intercept).toHaveBeenCalledTimes(1);
    intercept.mockRestore();
  });
});

describe.each(PLATFORMS)('on %s, the context of a request', (platform) => {
  const onceStarted = async (parts: Parts, ask: (url: string, application: INestApplication) => unknown) => {
    const application = await start({ platform, ...parts });
    try {
      await ask(await listen(application), application);
    } finally {
      await application.close();
    }
  };

  it('is opened behind a middleware that goes on elsewhere', async () => {
    await onceStarted({ imports: [SeenModule, ForgetfulModule] }, async (url) => {
      expect(await seenAt(`${url}/seen`, 'req-6')).toEqual({ id: 'req-6' });
    });
  });

  it('has the name that a middleware gave it, unless the client did', async () => {
    const prepare = (application: INestApplication): void => {
      const transactions = application.get(TransactionManager);
      application.use((_request: unknown, _response: unknown, next: () => void) =>
        transactions.withContext(next, { requestId: 'named' }),
      );
    };
    await onceStarted({ prepare }, async (url) => {
      expect(await seenAt(`${url}/seen`, 'req-7')).toEqual({ id: 'req-7' });
      // Fastify numbers requests by itself.
      const own = platform === 'express' ? 'named' : expect.stringMatching(/^req-/);
      expect(await (await fetch(`${url}/seen`)).json()).toEqual({ id: own });
    });
  });

  it('is there under a prefix, in a version, and where Nest sorts the routes', async () => {
    const prepare = (application: INestApplication): void => {
      application.setGlobalPrefix('api');
      application.enableVersioning({ type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' });
      application.get(ApplicationConfig).setRouteConflictPolicy({ duplicate: 'warn' } as never);
    };
    await onceStarted({ prepare }, async (url, application) => {
      const intercept = jest.spyOn(interceptorOf(application)!, 'intercept');

      expect(await seenAt(`${url}/api/seen`, 'req-8', { headers: { 'x-version': '1' } })).toEqual({
        id: 'req-8',
      });
      expect(intercept).not.toHaveBeenCalled();
    });
  });

  it('is of its own application, of several in one process', async () => {
    await onceStarted({}, (one) =>
      onceStarted({}, async (other) => {
        const urls = [one, other, one, other];
        const seen = await Promise.all(urls.map((url, n) => seenAt(`${url}/seen`, `req-${n}`)));

        expect(seen).toEqual(urls.map((_, n) => ({ id: `req-${n}` })));
      }),
    );
  });

  it.each([
    ['beside routes', [QueueModule, SeenModule]],
    ['without routes', [QueueModule]],
  ])('is opened by the interceptor for handlers of other packages, %s', async (_where, imports) => {
    await onceStarted({ imports }, async (_url, application) => {
      expect(await application.get(QueueModule).receive!()).toEqual(expect.any(String));
      expect(interceptorOf(application)).toBeDefined();
    });
  });

  it("is not opened with mode 'off', and no interceptor stands there", async () => {
    await onceStarted({ mode: 'off' }, async (url, application) => {
      expect(await seenAt(`${url}/seen`)).toEqual({});
      expect(application.get(ApplicationConfig).getGlobalInterceptors()).toEqual([]);
    });
  });
});

it('routes that others add to Fastify stay as they are', async () => {
  const application = await start({ platform: 'fastify' });
  const transactions = application.get(TransactionManager);
  const fastify: FastifyInstance = application.getHttpAdapter().getInstance();
  fastify.get('/plain', () => ({ id: transactions.requestId ?? null }));
  const seen = await seenAt(`${await listen(application)}/plain`, 'req-9');
  await application.close();

  expect(seen).toEqual({ id: null });
});

it('on a platform that nobody knows, the interceptor opens the context', async () => {
  class OtherAdapter extends ExpressAdapter {
    override getType(): string {
      return 'other';
    }
  }
  const application = await start({ adapter: new OtherAdapter() });
  const intercept = jest.spyOn(interceptorOf(application)!, 'intercept');
  const seen = await seenAt(`${await listen(application)}/seen`, 'req-10');
  await application.close();

  expect(seen).toEqual({ id: 'req-10' });
  expect(intercept).toHaveBeenCalledTimes(1);
});
