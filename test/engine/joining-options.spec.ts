import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  IncompatibleOptionsError,
  Transactional,
  TransactionalModule,
  TransactionManager,
  type TransactionOptions,
} from '@nest-transactional/core';
import { startApplication } from '../transactions/application.js';
import { HeldClock } from '../support/held-clock.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { withOwnHandle } from './own-handle.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const call = <T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T> =>
  database.transactions.run(options, work);

describe('a call that would join is refused before its work is called', () => {
  it.each<[string, TransactionOptions, TransactionOptions]>([
    ['isolation', {}, { isolation: 'SERIALIZABLE' }],
    ['isolation', { isolation: 'SERIALIZABLE' }, { isolation: 'REPEATABLE READ' }],
    ['readOnly', { readOnly: true }, {}],
    ['readOnly', { readOnly: true }, { propagation: 'NESTED' }],
    ['readOnly', { readOnly: true }, { propagation: 'MANDATORY' }],
    ['deferrable', { readOnly: true }, { readOnly: true, deferrable: true }],
    ['timeoutMs', { timeoutMs: 1000 }, { timeoutMs: 1001 }],
    ['timeoutMs', { timeoutMs: 1000 }, { timeoutMs: 1001, propagation: 'NESTED' }],
    ['retry', {}, { retry: 1 }],
    ['retry', { retry: 1 }, { retry: 1 }],
  ])('for its %s: in %j, %j', async (option, outer, inner) => {
    const called: string[] = [];
    const work = call(outer, () => call(inner, () => called.push('inner')));
    const failure = await failureOf(work);

    expect(failure).toBeInstanceOf(IncompatibleOptionsError);
    expect(failure).toMatchObject({ option, outcome: 'not-started' });
    expect(failure.message).toContain('or use REQUIRES_NEW');
    expect(called).toEqual([]);
  });

  it('and leaves the outer transaction as it was, where that catches the refusal', async () => {
    await call({}, async () => {
      await database.write('a');
      await failureOf(call({ isolation: 'SERIALIZABLE' }, () => database.write('b')));
    });

    expect(await database.notes()).toEqual(['a']);
  });

  it('knowing the request', async () => {
    const failure = await database.transactions.withContext(
      () => failureOf(call({}, () => call({ retry: 1 }, () => undefined))),
      { requestId: 'req-1' },
    );

    expect(failure.requestId).toBe('req-1');
  });
});

describe('a call joins', () => {
  it.each<[TransactionOptions, TransactionOptions]>([
    [{ isolation: 'SERIALIZABLE' }, { isolation: 'SERIALIZABLE' }],
    [{ isolation: 'SERIALIZABLE' }, {}],
    [{}, { isolation: 'READ COMMITTED' }],
    [{}, { readOnly: true }],
    [{ readOnly: true }, { readOnly: true }],
    [{ readOnly: true }, { propagation: 'SUPPORTS' }],
    [{ timeoutMs: 1000 }, { timeoutMs: 1000 }],
    [{}, { timeoutMs: 1000 }],
    [{ retry: 1 }, { retry: false }],
    [{}, { retry: 0 }],
    [{}, { propagation: 'NESTED', readOnly: true }],
  ])('in %j, %j', async (outer, inner) => {
    const ids = await call(outer, async () => {
      const id = database.transactions.current!.id;
      return [id, await call(inner, () => database.transactions.current!.id)];
    });

    expect(ids[0]).toBe(ids[1]);
  });

  it.each<[TransactionOptions, TransactionOptions]>([
    [{ readOnly: true }, { isolation: 'SERIALIZABLE' }],
    [{ timeoutMs: 10 }, { timeoutMs: 1000 }],
    [{}, { retry: 1 }],
  ])('nothing where it stands apart: in %j, %j', async (outer, inner) => {
    const status = await call(outer, () =>
      call({ ...inner, propagation: 'REQUIRES_NEW' }, () => database.transactions.current),
    );

    expect(status).toMatchObject({ readOnly: false });
  });
});

describe('a call with a limit of its own, inside a transaction', () => {
  it.each(['REQUIRED', 'NESTED', 'MANDATORY'] as const)('is interrupted by it (%s)', async (propagation) => {
    const clock = new HeldClock();
    await withOwnHandle({ clock }, async (own) => {
      const never = new Promise<never>(() => undefined);
      const work = own.transactions.run({}, async () => {
        await own.write('a');
        const limited = own.transactions.run({ propagation, timeoutMs: 100 }, () => never);
        clock.pass(100);
        await limited;
      });

      expect(await failureOf(work)).toMatchObject({ code: 'TRANSACTION_TIMEOUT', timeoutMs: 100 });
    });
    expect(await database.notes()).toEqual([]);
  });

  it('leaves the outer one without a limit when it returns in time', async () => {
    const clock = new HeldClock();
    await withOwnHandle({ clock }, async (own) => {
      await own.transactions.run({}, async () => {
        await own.transactions.run({ timeoutMs: 100 }, () => own.write('a'));
        clock.pass(5000);
        await own.write('b');
      });
      expect(clock.alarms).toBe(0);
    });
    expect(await database.notes()).toEqual(['a', 'b']);
  });
});

@Injectable()
@Transactional({ isolation: 'REPEATABLE READ', label: 'of the class' })
class Service {
  constructor(readonly transactions: TransactionManager) {}

  async plain(): Promise<unknown> {
    const { isolation, readOnly, label, remainingMs } = this.transactions.current!;
    return { isolation, readOnly, label, remainingMs };
  }

  @Transactional({ isolation: 'SERIALIZABLE', timeoutMs: 50 })
  async own(): Promise<unknown> {
    return await this.plain();
  }

  @Transactional({ propagation: 'REQUIRED' })
  async joined(): Promise<unknown> {
    return this.transactions.current?.label;
  }

  @Transactional({ propagation: 'MANDATORY' })
  async mandatory(): Promise<string> {
    return 'joined';
  }

  @Transactional({ propagation: 'NOT_SUPPORTED' })
  async apart(): Promise<unknown> {
    return this.transactions.current;
  }
}

describe('the module’s defaults', () => {
  const defaults = { isolation: 'SERIALIZABLE', readOnly: true, timeoutMs: 900, retry: 2 } as const;

  async function withDefaults(work: (service: Service) => Promise<void>): Promise<void> {
    const application = await startApplication({
      providers: [Service],
      transactional: [TransactionalModule.forRoot({ defaults })],
    });
    await work(application.get(Service)).finally(() => application.close());
  }

  it('give way to the options of the class, and those to the options of the method, one by one', () =>
    withDefaults(async (service) => {
      const ofTheClass = { isolation: 'REPEATABLE READ', readOnly: true, label: 'of the class' };
      expect(await service.plain()).toEqual({ ...ofTheClass, remainingMs: 900 });
      const failure = await failureOf(service.own());
      expect(failure).toMatchObject({ option: 'isolation', current: 'SERIALIZABLE' });
    }));

  it('with retry and a limit do not keep calls from joining', () =>
    withDefaults(async (service) => {
      await service.transactions.run({ isolation: 'REPEATABLE READ' }, async () => {
        expect(await service.joined()).toBe('TransactionManager.run');
        expect(await service.mandatory()).toBe('joined');
      });
    }));

  it('that mean nothing for a method’s propagation are left out', () =>
    withDefaults(async (service) => {
      expect(await service.apart()).toBeUndefined();
    }));
});
