import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Module, type DynamicModule, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import {
  Transactional,
  TransactionalModule,
  TransactionManager,
  type TransactionalModuleOptions,
  type TransactionStatus,
} from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { startApplication, typeOrmOptions } from './application.js';
import { EnlistedDatabase, failureOf, openDataSource, openObserver, textsOf } from './enlisted-database.js';
import { Note } from './entities.js';

@Injectable()
class Service {
  constructor(readonly transactions: TransactionManager) {}

  @Transactional()
  async status(): Promise<TransactionStatus | undefined> {
    return this.transactions.current;
  }
}

@Injectable()
class Options {
  createTransactionalOptions(): TransactionalModuleOptions {
    return { defaults: { isolation: 'SERIALIZABLE' } };
  }
}

@Module({ providers: [Options], exports: [Options] })
class OptionsModule {}

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

async function using<T>(module: DynamicModule, work: (service: Service) => Promise<T>): Promise<T> {
  const application = await startApplication({ providers: [Service], transactional: [module] });
  try {
    return await work(application.get(Service));
  } finally {
    await application.close();
  }
}

describe('the options of the module', () => {
  it.each<[string, () => DynamicModule]>([
    ['forRoot', () => TransactionalModule.forRoot({ defaults: { isolation: 'SERIALIZABLE' } })],
    [
      'forRootAsync with useFactory',
      () =>
        TransactionalModule.forRootAsync({
          imports: [OptionsModule],
          inject: [Options],
          useFactory: async (options: Options) => options.createTransactionalOptions(),
        }),
    ],
    ['forRootAsync with useClass', () => TransactionalModule.forRootAsync({ useClass: Options })],
    [
      'forRootAsync with useExisting',
      () => TransactionalModule.forRootAsync({ imports: [OptionsModule], useExisting: Options }),
    ],
  ])('hold for every method: %s', async (_name, module) => {
    expect(await using(module(), (service) => service.status())).toMatchObject({ isolation: 'SERIALIZABLE' });
  });

  it('have defaults that hold for run(), too, and that a call can overrule', async () => {
    const module = TransactionalModule.forRoot({ defaults: { isolation: 'SERIALIZABLE', readOnly: true } });
    await using(module, async ({ transactions }) => {
      const status = (): TransactionStatus | undefined => transactions.current;
      expect(await transactions.run(status)).toMatchObject({ isolation: 'SERIALIZABLE', readOnly: true });
      expect(await transactions.run({ readOnly: false }, status)).toMatchObject({
        isolation: 'SERIALIZABLE',
        readOnly: false,
      });
    });
  });
});

describe('an unknown option', () => {
  it.each<[string, unknown, string]>([
    ['dataSource', { dataSource: ['default'] }, "Did you mean 'dataSources'?"],
    ['mod', { request: { mod: 'off' } }, "Did you mean 'mode'?"],
    ['mode', { request: { mode: 'always' } }, 'mode must be one of'],
    ['isolationLevel', { defaults: { isolationLevel: 'SERIALIZABLE' } }, "Did you mean 'isolation'?"],
    ['dataSources', { dataSources: 'default' }, 'an array'],
    ['namespace', { namespace: {} }, 'asyncLocalStorageNamespace()'],
  ])('is refused by forRoot() at once: %s', (option, options, words) => {
    const evaluate = (): unknown => TransactionalModule.forRoot(options as TransactionalModuleOptions);

    expect(evaluate).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS', option }));
    expect(evaluate).toThrow(words);
  });

  const wrong = { defaults: { timeout: 1 } } as unknown as TransactionalModuleOptions;
  class WrongOptions {
    createTransactionalOptions = (): TransactionalModuleOptions => wrong;
  }

  it.each<[string, () => DynamicModule]>([
    ['useFactory', () => TransactionalModule.forRootAsync({ useFactory: () => wrong })],
    ['useClass', () => TransactionalModule.forRootAsync({ useClass: WrongOptions })],
  ])('is refused at start when it comes from %s', async (_name, module) => {
    const failure = await failureOf(using(module(), (service) => service.status()));

    expect(failure).toMatchObject({ code: 'INVALID_OPTIONS', option: 'timeout' });
  });
});

describe('at start, an application is told', () => {
  it('the import that is missing', async () => {
    const failure = await failureOf(startApplication({ providers: [Undecorated], transactional: [] }));

    expect(failure.message).toContain('TransactionalModule.forRoot()');
    expect(failure.message).toContain('Undecorated');
  });

  it('the data source that is missing', async () => {
    const module = TransactionalModule.forRoot({ dataSources: ['default', 'reports'] });
    const failure = await failureOf(using(module, (service) => service.status()));

    expect(failure).toMatchObject({ code: 'INVALID_OPTIONS', option: 'dataSources' });
    expect(failure.message).toContain("'reports'");
  });
});

/** Asks for no manager by itself. */
@Injectable()
class Undecorated {
  @Transactional()
  async work(): Promise<void> {}
}

describe('a data source that nobody enlisted', () => {
  it('is refused by name, with those that are', async () => {
    await using(TransactionalModule.forRoot(), async ({ transactions }) => {
      const failure = await failureOf(transactions.run({ dataSource: 'reports' }, () => undefined));
      expect(failure).toMatchObject({ code: 'INVALID_OPTIONS', option: 'dataSource' });
      expect(failure.message).toContain("'reports'");
      expect(failure.message).toContain("'default'");
    });
  });
});

@Injectable()
class TwoSources {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    @InjectRepository(Note, 'reports') readonly reports: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  @Transactional({ dataSource: 'reports' })
  async inReports(failure?: Error): Promise<void> {
    await this.notes.insert({ text: 'outside' });
    await this.reports.insert({ text: 'report' });
    if (failure) throw failure;
  }

  @Transactional()
  async inBoth(failure: Error): Promise<void> {
    await this.notes.insert({ text: 'note' });
    await this.inReports();
    throw failure;
  }
}

describe('two data sources', () => {
  const undo = new Error('undo');
  let application: INestApplication;
  let reports: () => Promise<string[]>;
  let close: () => Promise<void>;

  beforeAll(async () => {
    const url = await createDatabase();
    await (await openDataSource({ url })).destroy();
    const observer = await openObserver(url);
    application = await startApplication({
      providers: [TwoSources],
      typeOrm: [typeOrmOptions({ name: 'reports', url })],
      transactional: [TransactionalModule.forRoot({ dataSources: ['default', 'reports'] })],
    });
    reports = () => textsOf(observer, 'SELECT text FROM note ORDER BY text');
    close = async () => {
      await application.close();
      await observer.end();
    };
  });
  afterAll(() => close());

  it('have transactions of their own: a method is transactional for the one it names', async () => {
    expect(await failureOf(application.get(TwoSources).inReports(undo))).toBe(undo);

    expect(await database.notes()).toEqual(['outside']);
    expect(await reports()).toEqual([]);
  });

  it('are not undone together: a transaction of one is no transaction of the other', async () => {
    expect(await failureOf(application.get(TwoSources).inBoth(undo))).toBe(undo);

    expect(await database.notes()).toEqual([]);
    expect(await reports()).toEqual(['report']);
  });

  it('have an entity manager each', async () => {
    const { transactions, notes, reports: other } = application.get(TwoSources);

    expect(transactions.entityManager()).toBe(notes.manager);
    expect(transactions.entityManager('reports')).toBe(other.manager);
    await transactions.run({ dataSource: 'reports' }, (em) => {
      expect(transactions.entityManager('reports')).toBe(em);
      expect(transactions.entityManager()).toBe(notes.manager);
    });
  });
});
