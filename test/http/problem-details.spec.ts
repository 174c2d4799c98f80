import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  All,
  BadRequestException,
  Body,
  Catch,
  ConflictException,
  Controller,
  Get,
  Header,
  HttpException,
  Injectable,
  NotFoundException,
  Param,
  Post,
  ServiceUnavailableException,
  ValidationPipe,
  type ArgumentsHost,
  type CallHandler,
  type DynamicModule,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_FILTER, HttpAdapterHost } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IsEmail } from 'class-validator';
import {
  AfterCommitError,
  CannotCreateTransactionError,
  ConnectionStarvationError,
  InvalidOptionsError,
  NoTransactionError,
  OptimisticLockError,
  OutcomeUnknownError,
  RetriesExhaustedError,
  RowLockedError,
  ShutdownError,
  TransactionalModule,
  TransactionTimeoutError,
} from '@nest-transactional/core';
import {
  HttpVersioningModule,
  IdempotencyKeyInUseError,
  MalformedHeaderError,
  PreconditionFailedError,
  PreconditionRequiredError,
  type HttpVersioningOptions,
} from '@nest-transactional/http';
import { workerDatabaseUrl } from '../support/database.js';
import { listen, LogLines, PLATFORMS } from '../transactions/application.js';
import { ask, saidBy, type Answer, type Asked } from './exchange.js';

type Platform = (typeof PLATFORMS)[number];

const SECRET = 'SELECT secret FROM vault';

function conflict(isPrecondition = false): OptimisticLockError {
  const facts = { entity: 'Vault', id: SECRET, expected: 3, actual: 7, what: 'save()', isPrecondition };
  return new OptimisticLockError(facts, () => Promise.resolve(null));
}

class Mine extends Error {}

/** What the route `/thrown/:name` throws. */
const THROWN: Readonly<Record<string, () => unknown>> = {
  conflict,
  'stale precondition': () => conflict(true),
  'retries in conflict': () => new RetriesExhaustedError('tx-1', 4, conflict()),
  retries: () => new RetriesExhaustedError('tx-1', 4, new Error(SECRET)),
  locked: () => new RowLockedError('Vault', { id: SECRET }, new Error(SECRET)),
  starvation: () => new ConnectionStarvationError('tx-1', { held: 5, waitedMs: 10 }),
  timeout: () => new TransactionTimeoutError('tx-1', 100, new Error(SECRET)),
  shutdown: () => new ShutdownError('tx-1', 'rolled-back'),
  unreachable: () => new CannotCreateTransactionError(new Error(SECRET)),
  unknown: () => new OutcomeUnknownError('tx-1', new Error(SECRET)),
  hook: () => new AfterCommitError('tx-1', [new Error(SECRET)], SECRET),
  mistake: () => new NoTransactionError(SECRET),
  options: () => new InvalidOptionsError(SECRET, SECRET),
  failed: () => new PreconditionFailedError('If-Match', { entity: 'Vault', current: 7 }),
  gone: () => new PreconditionFailedError('If-Match', { entity: 'Vault', current: null }),
  required: () => new PreconditionRequiredError('Vault'),
  malformed: () => new MalformedHeaderError('If-Match', 'a quote is missing'),
  'in use': () => new IdempotencyKeyInUseError(),
  sql: () => Object.assign(new Error(SECRET), { code: '23505', detail: SECRET, query: SECRET }),
  text: () => SECRET,
  nothing: () => undefined,
  'not found': () => new NotFoundException('There is no vault 5.'),
  'bare text': () => new HttpException('Brewing.', 418),
  members: () => new ConflictException({ message: 'Sold out.', available: 3, status: 1, x: 2, 'a-b': 1 }),
  coded: () => new BadRequestException('No.', { errorCode: 'NO_WAY' } as never),
  caused: () => new BadRequestException('Line 3 is no CSV.', { cause: new SyntaxError(SECRET) }),
  unavailable: () => new ServiceUnavailableException(),
  'http-errors': () => Object.assign(new Error('No tea.'), { status: 418, statusCode: 418, expose: true }),
  'hidden http-errors': () =>
    Object.assign(new Error(SECRET), { status: 404, statusCode: 404, expose: false }),
  'failed http-errors': () =>
    Object.assign(new Error(SECRET), { status: 502, statusCode: 502, expose: true }),
  mine: () => new Mine(SECRET),
};

class Letter {
  @IsEmail()
  to!: string;
}

@Controller()
class Thrower {
  @All('thrown/:name')
  @Header('ETag', '"7"')
  @Header('Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT')
  @Header('Content-Type', 'text/csv')
  throw(@Param('name') name: string): never {
    throw THROWN[name]!();
  }

  @Post('letters')
  post(@Body() letter: Letter): Letter {
    return letter;
  }

  @Get('fine')
  fine(): { isFine: boolean } {
    return { isFine: true };
  }

  @Get('moved')
  move(): never {
    throw new HttpException({}, 302);
  }

  @Get('half')
  half(): never {
    throw new Error('half');
  }
}

/** Sends the first half of a response, before the handler fails. */
@Injectable()
class Hasty implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    if (context.getHandler().name === 'half') {
      const response = context.switchToHttp().getResponse<any>();
      (response.raw ?? response).write('half');
    }
    return next.handle();
  }
}

@Catch(Mine)
class MyFilter implements ExceptionFilter {
  constructor(private readonly host: HttpAdapterHost) {}

  catch(_error: Mine, host: ArgumentsHost): void {
    this.host.httpAdapter.reply(host.switchToHttp().getResponse(), { isMine: true }, 409);
  }
}

function database(): DynamicModule[] {
  // Nobody closes the pool of an application that is refused.
  const extra = { allowExitOnIdle: true };
  return [TypeOrmModule.forRoot({ type: 'postgres', url: workerDatabaseUrl(), retryAttempts: 0, extra })];
}

async function start(platform: Platform, options: HttpVersioningOptions, log: LogLines) {
  const module = await Test.createTestingModule({
    imports: [...database(), TransactionalModule.forRoot(), HttpVersioningModule.forRoot(options)],
    controllers: [Thrower],
    providers: [{ provide: APP_FILTER, useClass: MyFilter }],
  })
    .setLogger(log)
    .compile();
  const application =
    platform === 'fastify'
      ? module.createNestApplication(new FastifyAdapter({ bodyLimit: 100_000 }), { logger: log })
      : module.createNestApplication({ logger: log });
  application.use('/guarded', () => {
    throw new PreconditionRequiredError('Vault');
  });
  application.useGlobalPipes(new ValidationPipe());
  application.useGlobalInterceptors(new Hasty());
  return { application: application as INestApplication, url: await listen(application) };
}

describe.each(PLATFORMS)('problem details on %s', (platform) => {
  const log = new LogLines();
  let application: INestApplication;
  let url: string;

  beforeAll(async () => {
    ({ application, url } = await start(platform, {}, log));
  });

  afterAll(async () => {
    await application.close();
  });

  beforeEach(() => {
    log.lines.length = 0;
  });

  const thrown = (name: string, asked?: Asked): Promise<Answer> =>
    ask(`${url}/thrown/${encodeURIComponent(name)}?token=${encodeURIComponent(SECRET)}`, asked);

  it('are the same bytes on each platform, with the path and without the query', async () => {
    const answer = await thrown('failed');

    expect(saidBy(answer)).toEqual({
      'content-type': 'application/problem+json',
      'content-length': String(answer.body.length),
      'cache-control': 'no-store',
    });
    expect(answer.body).toBe(
      '{"type":"urn:nest-transactional:error:precondition-failed","title":"Precondition failed","status":412,' +
        '"detail":"The resource is not in the state that the request expects. Nothing was changed; get it again and apply your ' +
        'change to it.","instance":"/thrown/failed","code":"PRECONDITION_FAILED","currentVersion":7}',
    );
  });

  it.each([
    ['conflict', 409, 'optimistic-lock', { code: 'OPTIMISTIC_LOCK' }],
    ['stale precondition', 412, 'optimistic-lock', { code: 'OPTIMISTIC_LOCK', currentVersion: 7 }],
    ['retries in conflict', 409, 'retries-exhausted', { code: 'RETRIES_EXHAUSTED' }],
    ['retries', 503, 'retries-exhausted', { code: 'RETRIES_EXHAUSTED' }],
    ['locked', 409, 'row-locked', { code: 'ROW_LOCKED' }],
    ['starvation', 503, 'connection-starvation', { code: 'CONNECTION_STARVATION' }],
    ['timeout', 503, 'transaction-timeout', { code: 'TRANSACTION_TIMEOUT' }],
    ['shutdown', 503, 'shutdown', { code: 'SHUTDOWN' }],
    ['unreachable', 503, 'cannot-create-transaction', { code: 'CANNOT_CREATE_TRANSACTION' }],
    ['unknown', 500, 'outcome-unknown', { code: 'OUTCOME_UNKNOWN' }],
    ['hook', 500, 'after-commit', { code: 'AFTER_COMMIT' }],
    ['mistake', 500, 'no-transaction', { code: 'NO_TRANSACTION' }],
    ['options', 500, 'invalid-options', { code: 'INVALID_OPTIONS' }],
    ['gone', 412, 'precondition-failed', { code: 'PRECONDITION_FAILED' }],
    ['required', 428, 'precondition-required', { code: 'PRECONDITION_REQUIRED' }],
    ['malformed', 400, 'malformed-header', { code: 'MALFORMED_HEADER', header: 'If-Match' }],
    ['in use', 409, 'idempotency-key-in-use', { code: 'IDEMPOTENCY_KEY_IN_USE' }],
  ])('tell of "%s" with %i, %s', async (name, status, slug, extensions) => {
    const answer = await thrown(name);
    const { type, title, detail, ...told } = JSON.parse(answer.body);

    expect(answer.status).toBe(status);
    expect(type).toBe(`urn:nest-transactional:error:${slug}`);
    expect(told).toEqual({ status, instance: `/thrown/${encodeURIComponent(name)}`, ...extensions });
    expect(title).toMatch(/^[A-Z]/);
    expect(detail).toMatch(/\.$/);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
    expect(answer.headers['cache-control']).toBe(status === 412 || status === 428 ? 'no-store' : undefined);
  });

  it.each([
    ['not found', { status: 404, title: 'Not Found', detail: 'There is no vault 5.' }],
    ['bare text', { status: 418, title: "I'm a Teapot", detail: 'Brewing.' }],
    ['members', { status: 409, title: 'Conflict', detail: 'Sold out.', available: 3 }],
    ['coded', { status: 400, title: 'Bad Request', detail: 'No.', code: 'NO_WAY' }],
    ['caused', { status: 400, title: 'Bad Request', detail: 'Line 3 is no CSV.' }],
    ['http-errors', { status: 418, title: "I'm a Teapot", detail: 'No tea.' }],
    ['hidden http-errors', { status: 404, title: 'Not Found' }],
    ['failed http-errors', { status: 502, title: 'Bad Gateway' }],
  ])('tell of "%s" what it was made to tell', async (name, expected) => {
    const answer = await thrown(name);
    const { type, instance: _instance, ...told } = JSON.parse(answer.body);

    expect(type).toBe('about:blank');
    expect(told).toEqual(expected);
    expect(answer.status).toBe(expected.status);
  });

  it('never say what was queried, with which values, or where', async () => {
    for (const name of Object.keys(THROWN)) {
      const answer = await thrown(name);

      expect(`${answer.body}${JSON.stringify(answer.headers)}`).not.toMatch(
        /SELECT|vault\b.*secret|\.ts\b|tx-1/,
      );
    }
  });

  it.each(['sql', 'text', 'nothing'])(
    'are a 500 without particulars for "%s", and the log has it',
    async (name) => {
      const answer = await thrown(name);

      expect(answer.status).toBe(500);
      expect(JSON.parse(answer.body)).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        detail: 'The server met an error that is not yours to correct. It was noted.',
        instance: `/thrown/${name}`,
      });
      expect(log.lines).toHaveLength(1);
    },
  );

  it.each(['conflict', 'failed', 'not found', 'http-errors'])(
    'leave the log alone for "%s"',
    async (name) => {
      await thrown(name);

      expect(log.lines).toEqual([]);
    },
  );

  it('take back what the handler has said of its representation', async () => {
    const { headers } = await thrown('not found');

    expect(headers).not.toHaveProperty('etag');
    expect(headers).not.toHaveProperty('last-modified');
    expect(headers['content-type']).toBe('application/problem+json');
  });

  it('have Retry-After on any 503', async () => {
    expect((await thrown('unavailable')).headers['retry-after']).toBe('1');
  });

  it('answer HEAD with the headers alone', async () => {
    const { body, ...answer } = await thrown('failed', { method: 'HEAD' });
    const got = await thrown('failed');

    expect(body).toBe('');
    expect(answer.status).toBe(412);
    expect(saidBy({ body, ...answer })).toEqual(saidBy(got));
  });

  it('list the messages of a validation', async () => {
    const body = JSON.stringify({ to: 'nobody' });
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(`${url}/letters`, { method: 'POST', headers, body });

    expect(JSON.parse(answer.body)).toEqual({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'The request is not valid; errors tells why.',
      instance: '/letters',
      errors: ['to must be an email'],
    });
  });

  it.each([
    ['{"to": SELECT', 400, 'The request cannot be read: its address or its body is malformed.'],
    [JSON.stringify({ to: 'x'.repeat(200_000) }), 413, 'The body is larger than the server accepts.'],
  ])('speak for the platform when a body cannot be read (%#)', async (body, status, detail) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await ask(`${url}/letters`, { method: 'POST', headers, body });

    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({
      type: 'about:blank',
      status,
      detail,
      instance: '/letters',
    });
  });

  it('answer for a route that does not exist', async () => {
    const answer = await ask(`${url}/nowhere`);

    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status: 404, detail: 'Cannot GET /nowhere' });
  });

  it('answer for a middleware', async () => {
    const answer = await ask(`${url}/guarded/vault?token=1`);

    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({
      type: 'urn:nest-transactional:error:precondition-required',
      status: 428,
      instance: '/guarded/vault',
    });
  });

  it('leave to the application what a filter of its own catches', async () => {
    expect(await thrown('mine')).toMatchObject({ status: 409, body: '{"isMine":true}' });
  });

  it('leave an exception that is no error to Nest', async () => {
    expect(await ask(`${url}/moved`)).toMatchObject({ status: 302, body: '{}' });
  });

  it('do not follow a response that is under way', async () => {
    const answer = await ask(`${url}/half`);

    expect(answer).toMatchObject({ status: 200, body: 'half' });
  });

  it('leave a response that succeeds as it is, without an entity tag of the platform', async () => {
    const answer = await ask(`${url}/fine`);

    expect(saidBy(answer)).toEqual({
      'content-type': 'application/json; charset=utf-8',
      'content-length': '15',
    });
  });
});

describe.each(PLATFORMS)('the options of problem details on %s', (platform) => {
  async function answered(name: string, options: HttpVersioningOptions): Promise<Answer> {
    const { application, url } = await start(platform, options, new LogLines());
    try {
      return await ask(`${url}/thrown/${name}`, { headers: { 'x-role': 'reader' } });
    } finally {
      await application.close();
    }
  }

  it('choose the addresses of the types', async () => {
    const { body } = await answered('conflict', {
      problemDetails: { typeBase: 'https://example.com/errors/' },
    });

    expect(JSON.parse(body).type).toBe('https://example.com/errors/optimistic-lock');
  });

  it('choose when to come back', async () => {
    const { headers } = await answered('shutdown', { problemDetails: { retryAfterSeconds: 30 } });

    expect(headers['retry-after']).toBe('30');
  });

  it.each([
    ['nobody', false, false],
    [
      'a writer',
      (request: { headers: Record<string, string> }) => request.headers['x-role'] === 'writer',
      false,
    ],
    [
      'a reader',
      (request: { headers: Record<string, string> }) => request.headers['x-role'] === 'reader',
      true,
    ],
  ])('show the version to %s', async (_who, showCurrentVersion, isShown) => {
    const { body } = await answered('failed', { problemDetails: { showCurrentVersion } });

    expect('currentVersion' in JSON.parse(body)).toBe(isShown);
    expect(body.includes('7')).toBe(isShown);
  });

  it('leave errors to Nest', async () => {
    const { body, headers, status } = await answered('required', { problemDetails: false });

    expect(status).toBe(428);
    expect(headers['content-type']).not.toBe('application/problem+json');
    expect(JSON.parse(body)).toMatchObject({ statusCode: 428, message: expect.stringContaining('If-Match') });
  });

  it('keep the entity tags of Express', async () => {
    const { application, url } = await start(platform, { etag: { expressEtag: 'keep' } }, new LogLines());
    const { headers } = await ask(`${url}/fine`);
    await application.close();

    expect(headers.etag?.startsWith('W/') ?? false).toBe(platform === 'express');
  });
});

describe('bad options', () => {
  const refused = (options: object): unknown => {
    try {
      return HttpVersioningModule.forRoot(options as HttpVersioningOptions);
    } catch (error) {
      return error;
    }
  };

  it.each([
    [{ requirePreconditions: true }, "Did you mean 'requirePrecondition'?"],
    [{ requirePrecondition: 'yes' }, "requirePrecondition must be true or false, not 'yes'"],
    [{ etag: { expressEtag: 'on' } }, "expressEtag must be one of 'off', 'keep', not 'on'"],
    [{ etag: true }, 'etag must be an object of options, not true'],
    [{ problemDetails: { typeBasis: 'x' } }, "Did you mean 'typeBase'?"],
    [
      { problemDetails: { retryAfterSeconds: -1 } },
      'retryAfterSeconds must be a whole number, 0 or more, not -1',
    ],
    [{ idempotency: { ttl: 5 } }, "Did you mean 'ttlMs'?"],
    [{ idempotency: { ttlMs: 0 } }, 'ttlMs must be a whole number of milliseconds above 0, not 0'],
  ])('are refused at once: %j', (options, message) => {
    const error = refused(options);

    expect(error).toBeInstanceOf(InvalidOptionsError);
    expect((error as Error).message).toContain(message);
  });

  it('are refused at start when they come from a factory', async () => {
    const imports = [
      ...database(),
      TransactionalModule.forRoot(),
      HttpVersioningModule.forRootAsync({ useFactory: () => ({ etags: {} }) as never }),
    ];

    await expect(Test.createTestingModule({ imports }).compile()).rejects.toThrow("Did you mean 'etag'?");
  });
});
