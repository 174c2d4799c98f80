import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type pg from 'pg';
import type { Repository } from 'typeorm';
import {
  afterCommit,
  afterRollback,
  Transactional,
  TransactionalEventListener,
  TransactionalEvents,
  TransactionalModule,
  TransactionManager,
} from '@nest-transactional/core';
import { createDatabase } from '../support/database.js';
import { startApplication, typeOrmOptions } from '../transactions/application.js';
import {
  EnlistedDatabase,
  failureOf,
  openDataSource,
  openObserver,
  textsOf,
} from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

const undo = new Error('undo');
const REPORTS = { dataSource: 'reports' } as const;
let order: unknown[] = [];

@Injectable()
class Both {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    @InjectRepository(Note, 'reports') readonly reports: Repository<Note>,
    readonly transactions: TransactionManager,
    readonly events: TransactionalEvents,
  ) {}

  @Transactional()
  async inBoth(work: () => Promise<unknown> = async () => undefined): Promise<void> {
    await this.notes.insert({ text: 'note' });
    await this.inReports(work);
  }

  @Transactional(REPORTS)
  async inReports(work: () => Promise<unknown> = async () => undefined): Promise<void> {
    await this.reports.insert({ text: 'report' });
    await work();
  }

  @Transactional({ ...REPORTS, propagation: 'MANDATORY' })
  async mandatory(): Promise<string> {
    return 'joined';
  }

  @Transactional({ ...REPORTS, propagation: 'NESTED' })
  async nestedInReports(text: string, error?: Error): Promise<void> {
    await this.reports.insert({ text });
    if (error) throw error;
  }

  @TransactionalEventListener('filed')
  filed(): void {
    order.push('heard of the default one');
  }

  @TransactionalEventListener('filed', REPORTS)
  filedInReports(): void {
    order.push('heard of reports');
  }
}

let database: EnlistedDatabase;
let application: INestApplication;
let observer: pg.Client;
let both: Both;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  const url = await createDatabase();
  await (await openDataSource({ url })).destroy();
  observer = await openObserver(url);
  application = await startApplication({
    providers: [Both],
    typeOrm: [typeOrmOptions({ name: 'reports', url })],
    transactional: [TransactionalModule.forRoot({ dataSources: ['default', 'reports'] })],
  });
  both = application.get(Both);
});
beforeEach(async () => {
  order = [];
  await database.empty();
  await observer.query('TRUNCATE note');
});
afterAll(async () => {
  await application.close();
  await observer.end();
  await database.close();
});

/** What is stored in each of them. */
const stored = async (): Promise<string[][]> => [
  await database.notes(),
  await textsOf(observer, 'SELECT text FROM note ORDER BY text'),
];
const onDefault = <T>(work: () => Promise<T>): Promise<T> => both.transactions.run(work);

describe('two data sources in one call tree', () => {
  it('have a transaction each, which end by themselves', async () => {
    await onDefault(async () => {
      await both.inBoth();
      expect(await stored()).toEqual([[], ['report']]);
    });

    expect(await stored()).toEqual([['note'], ['report']]);
  });

  it('are both undone by what both see', async () => {
    expect(await failureOf(both.inBoth(() => Promise.reject(undo)))).toBe(undo);
    expect(await stored()).toEqual([[], []]);
  });

  it('one is undone alone, when its failure is caught between them', async () => {
    await onDefault(async () => {
      await both.notes.insert({ text: 'note' });
      await failureOf(both.inReports(() => Promise.reject(undo)));
    });

    expect(await stored()).toEqual([['note'], []]);
  });

  it('joined calls find the one that they name, however deep the other one is', async () => {
    const work = both.inReports(() =>
      onDefault(async () => {
        expect(await both.mandatory()).toBe('joined');
        await both.notes.insert({ text: 'note' });
        await both.transactions.run(REPORTS, () => Promise.reject(undo));
      }).catch((error: unknown) => expect(error).toBe(undo)),
    );

    expect(await failureOf(work)).toMatchObject({ code: 'UNEXPECTED_ROLLBACK' });
    expect(await stored()).toEqual([[], []]);
  });

  it('MANDATORY and NEVER look at the one that they name', async () => {
    expect(await failureOf(onDefault(() => both.mandatory()))).toMatchObject({ code: 'PROPAGATION' });
    await onDefault(() =>
      both.transactions.run({ ...REPORTS, propagation: 'NEVER' }, () =>
        both.reports.insert({ text: 'bare' }),
      ),
    );

    expect(await stored()).toEqual([[], ['bare']]);
  });

  it('savepoints of one undo nothing of the other', async () => {
    await both.inReports(async () => {
      await both.notes.insert({ text: 'note' });
      await failureOf(both.nestedInReports('undone', undo));
      await both.nestedInReports('kept');
    });

    expect(await stored()).toEqual([['note'], ['kept', 'report']]);
  });

  it('suspending one leaves the other as it is', async () => {
    const work = onDefault(() =>
      both.inReports(async () => {
        await both.transactions.run({ propagation: 'NOT_SUPPORTED' }, async () => {
          await both.notes.insert({ text: 'bare' });
          await both.reports.insert({ text: 'still inside' });
        });
        throw undo;
      }),
    );

    expect(await failureOf(work)).toBe(undo);
    expect(await stored()).toEqual([['bare'], []]);
  });
});

describe('hooks', () => {
  const noteEnd = (text: string) => (): void => void order.push(text);

  it('are those of the default one, unless they name another', async () => {
    await onDefault(async () => {
      await both.inReports(async () => {
        afterCommit(noteEnd('default'));
        afterCommit(noteEnd('reports'), REPORTS);
      });
      order.push('between');
    });

    expect(order).toEqual(['reports', 'between', 'default']);
  });

  it('are dropped with the one that is undone', async () => {
    await onDefault(async () => {
      const inner = both.inReports(async () => {
        afterCommit(noteEnd('default'));
        afterCommit(noteEnd('reports'), REPORTS);
        afterRollback(noteEnd('reports undone'), REPORTS);
        throw undo;
      });
      await failureOf(inner);
    });

    expect(order).toEqual(['reports undone', 'default']);
  });

  it('are those of the only one that has a transaction, where the default one has none', async () => {
    await both.inReports(async () => afterCommit(noteEnd('reports')));

    expect(order).toEqual(['reports']);
  });

  it('need a transaction of the one that they name', async () => {
    const register = (dataSource: string) => (): void => afterCommit(noteEnd('nowhere'), { dataSource });
    await both.inReports(async () => {
      expect(register('default')).toThrow(expect.objectContaining({ code: 'NO_TRANSACTION' }));
    });
    await onDefault(async () => {
      expect(register('reports')).toThrow(expect.objectContaining({ code: 'NO_TRANSACTION' }));
      expect(register('archive')).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTIONS', option: 'dataSource' }),
      );
      expect(register('archive')).toThrow("'default', 'reports'");
    });
  });
});

it('an event is bound, for each listener, to the transaction that it names', async () => {
  await onDefault(async () => {
    await both.inReports(() => both.events.publish('filed'));
    order.push('between');
  });

  expect(order).toEqual(['heard of reports', 'between', 'heard of the default one']);
});
