import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  enlist,
  InvalidOptionsError,
  Transactional,
  TransactionalModule,
  type EnlistOptions,
  type TransactionalModuleOptions,
  type TransactionOptions,
} from '@nest-transactional/core';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
afterAll(() => database.close());

const refusal = (option: string): unknown => expect.objectContaining({ code: 'INVALID_OPTIONS', option });
const wrong = (options: unknown): TransactionOptions => options as TransactionOptions;

describe.each<[string, (options: TransactionOptions) => unknown]>([
  ['@Transactional()', (options) => Transactional(options)],
  ['the defaults of the module', (defaults) => TransactionalModule.forRoot({ defaults })],
  ['enlist()', (defaults) => enlist(new DataSource({ type: 'postgres' }), { defaults })],
])('%s refuses at once', (_where, decorate) => {
  it.each<[string, unknown]>([
    ['isolation', { propagation: 'NESTED', isolation: 'SERIALIZABLE' }],
    ['deferrable', { propagation: 'NESTED', deferrable: true }],
    ['retry', { propagation: 'NESTED', retry: 3 }],
    ['retry', { propagation: 'MANDATORY', retry: { maxRetries: 3 } }],
    ['retry', { propagation: 'SUPPORTS', retry: 3 }],
    ['isolation', { propagation: 'SUPPORTS', isolation: 'SERIALIZABLE' }],
    ['readOnly', { propagation: 'SUPPORTS', readOnly: true }],
    ['timeoutMs', { propagation: 'NOT_SUPPORTED', timeoutMs: 100 }],
    ['isolation', { propagation: 'NEVER', isolation: 'SERIALIZABLE' }],
  ])('%s, where the propagation could only ignore it: %j', (option, options) => {
    const evaluate = (): unknown => decorate(wrong(options));

    expect(evaluate).toThrow(refusal(option));
    expect(evaluate).toThrow('Remove it, or use REQUIRED or REQUIRES_NEW');
  });

  it.each([0, -1, NaN, Infinity, '100', '1s', null, true, 2 ** 31])('timeoutMs: %p', (timeoutMs) => {
    expect(() => decorate(wrong({ timeoutMs }))).toThrow(refusal('timeoutMs'));
    expect(() => decorate(wrong({ timeoutMs }))).toThrow('milliseconds above 0');
  });

  it.each<[string, unknown, string]>([
    ['propagtion', { propagtion: 'NESTED' }, "'propagation'"],
    ['isolationLevel', { isolationLevel: 'SERIALIZABLE' }, "'isolation'"],
    ['timeout', { timeout: 100 }, "'timeoutMs'"],
    ['retries', { retries: 3 }, "'retry'"],
    ['connection', { connection: 'reports' }, 'dataSource'],
    ['maxRetry', { retry: { maxRetry: 3 } }, "'maxRetries'"],
    ['delay', { retry: { delay: 3 } }, "'delayMs'"],
  ])('the unknown %s: %j, and names what may be meant: %s', (option, options, nearest) => {
    expect(() => decorate(wrong(options))).toThrow(refusal(option));
    expect(() => decorate(wrong(options))).toThrow(nearest);
  });

  it.each<[string, unknown]>([
    ['propagation', { propagation: 'nested' }],
    ['propagation', { propagation: null }],
    ['isolation', { isolation: 'SNAPSHOT' }],
    ['readOnly', { readOnly: 'true' }],
    ['deferrable', { deferrable: 1 }],
    ['retry', { retry: '3' }],
    ['retry', { retry: true }],
    ['retry', { retry: -1 }],
    ['maxRetries', { retry: { maxRetries: 0.5 } }],
    ['delayMs', { retry: { delayMs: '20' } }],
    ['delayMs', { retry: { delayMs: Infinity } }],
    ['maxDelayMs', { retry: { maxDelayMs: 0 } }],
    ['multiplier', { retry: { multiplier: NaN } }],
    ['jitter', { retry: { jitter: 0.5 } }],
    ['on', { retry: { on: [RangeError] } }],
    ['rollbackFor', { rollbackFor: 'RangeError' }],
    ['noRollbackFor', { noRollbackFor: [null] }],
    ['dataSource', { dataSource: 5 }],
    ['label', { label: '' }],
    ['retry', { retry: [] }],
  ])('an ill-typed %s: %j', (option, options) => {
    expect(() => decorate(wrong(options))).toThrow(refusal(option));
  });
});

describe('a method that returns no promise is refused where it is decorated', () => {
  const decorate = (returnType: unknown): unknown => {
    class Service {
      method(): unknown {
        return undefined;
      }
    }
    Reflect.defineMetadata('design:returntype', returnType, Service.prototype, 'method');
    const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, 'method')!;
    return Transactional()(Service.prototype, 'method', descriptor);
  };

  it.each([String, Number, Boolean, Array, Date, Map, Set, Symbol, BigInt, RegExp, Uint8Array, Error])(
    '%p',
    (returnType) => {
      expect(() => decorate(returnType)).toThrow(InvalidOptionsError);
      expect(() => decorate(returnType)).toThrow('Make the method async');
    },
  );

  it.each([undefined, Promise, Object])('but not %p, which may be anything', (returnType) => {
    expect(() => decorate(returnType)).not.toThrow();
  });

  it('also by the annotation that TypeScript emits', () => {
    const define = (): unknown => {
      class Service {
        @Transactional()
        count(): number {
          return 1;
        }
      }
      return Service;
    };

    expect(define).toThrow('Service.count: it returns a Number');
  });
});

describe('at start is refused', () => {
  @Injectable()
  class UnknownSource {
    @Transactional({ dataSource: 'reports' })
    async method(): Promise<void> {}
  }

  @Injectable()
  @Transactional({ dataSource: 'reports' })
  class UnknownSourceOfClass {
    async method(): Promise<void> {}
  }

  @Injectable()
  @Transactional({ propagation: 'NESTED' })
  class NestedClass {
    @Transactional({ isolation: 'SERIALIZABLE' })
    async method(): Promise<void> {}
  }

  @Injectable()
  class Retrying {
    @Transactional({ retry: 3 })
    async method(): Promise<void> {}
  }

  it.each<[string, Type, string, TransactionalModuleOptions]>([
    ['a data source that nobody enlisted', UnknownSource, 'dataSource', {}],
    ['one of a class', UnknownSourceOfClass, 'dataSource', {}],
    ['a method’s option that its class makes meaningless', NestedClass, 'isolation', {}],
    ['one that the module does', Retrying, 'retry', { defaults: { propagation: 'MANDATORY' } }],
    ['a data source among the defaults', Retrying, 'dataSource', { defaults: { dataSource: 'reports' } }],
    ['no data source at all', Retrying, 'dataSources', { dataSources: [] }],
  ])('%s', async (_what, provider, option, options) => {
    const failure = await failureOf(
      (async () =>
        (
          await startApplication({
            providers: [provider],
            transactional: [TransactionalModule.forRoot(options)],
          })
        ).close())(),
    );

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure.option).toBe(option);
  });
});

describe('at a call is refused, by a rejection', () => {
  it('a data source that nobody enlisted, of an object that Nest did not look at', async () => {
    class Unseen {
      @Transactional({ dataSource: 'reports' })
      async method(): Promise<void> {}
    }
    const { transactions } = database;
    const called = transactions.withContext(() => new Unseen().method());

    expect(await failureOf(called)).toMatchObject({ code: 'INVALID_OPTIONS', option: 'dataSource' });
  });

  it.each<[unknown[]]>([[[]], [[{}]], [[{ retry: 1 }, 'work']], [['work']], [[undefined, () => 1]]])(
    'run() with %j',
    async (all) => {
      const { transactions } = database;
      const run = transactions.run.bind(transactions) as (...all: unknown[]) => Promise<unknown>;

      expect(await failureOf(run(...all))).toBeInstanceOf(InvalidOptionsError);
    },
  );
});

describe('enlist() refuses', () => {
  it.each<[string, unknown, string]>([
    ['logging', { logging: 'yes' }, 'true or false'],
    ['loging', { loging: true }, "Did you mean 'logging'?"],
    ['outcomeTracking', { outcomeTracking: 1 }, 'true or false'],
    ['begin', { begin: 'later' }, "'separate'"],
    ['connectionWaitMs', { connectionWaitMs: 0 }, 'milliseconds above 0'],
    ['clock', { clock: { now: Date.now } }, 'now() and after()'],
    ['random', { random: 0.5 }, 'a function'],
    ['log', { log: {} }, 'error()'],
    ['namespace', { namespace: 'app' }, 'a namespace'],
    ['defaults', { defaults: 'SERIALIZABLE' }, 'an object'],
  ])('%s: %j', (option, options, words) => {
    const dataSource = new DataSource({ type: 'postgres' });
    const attempt = (): unknown => enlist(dataSource, options as EnlistOptions);

    expect(attempt).toThrow(refusal(option));
    expect(attempt).toThrow(words);
  });
});
