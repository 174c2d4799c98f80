import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  IncompatibleOptionsError,
  PropagationError,
  type TransactionOptions,
} from '@nest-transactional/core';
import { gate } from '../support/gate.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const undo = new Error('undo');
const call = <T>(options: TransactionOptions, work: () => T | Promise<T>): Promise<T> =>
  database.transactions.run(options, work);
const currentId = (): string | undefined => database.transactions.current?.id;

/** Runs `inner` in a transaction that is undone. */
async function insideUndone(inner: () => Promise<unknown>): Promise<void> {
  const outer = call({}, async () => {
    await database.write('outer');
    await inner();
    throw undo;
  });
  expect(await failureOf(outer)).toBe(undo);
}

describe('REQUIRED', () => {
  it('joins: both are undone by the outer one, and both are kept', async () => {
    await insideUndone(() => call({}, () => database.write('inner')));
    expect(await database.notes()).toEqual([]);

    await call({}, async () => {
      const outer = currentId();
      await call({ propagation: 'REQUIRED' }, () => {
        expect(currentId()).toBe(outer);
        return database.write('inner');
      });
    });
    expect(await database.notes()).toEqual(['inner']);
  });

  it('does not commit what the outer one has not', async () => {
    await call({}, async () => {
      await call({}, () => database.write('inner'));
      expect(await database.notes()).toEqual([]);
    });
  });
});

describe('REQUIRES_NEW', () => {
  const separate = { propagation: 'REQUIRES_NEW' } as const;

  it('stays when the outer one is undone', async () => {
    await insideUndone(() => call(separate, () => database.write('separate')));

    expect(await database.notes()).toEqual(['separate']);
  });

  it('commits at its own end', async () => {
    await call({}, async () => {
      await call(separate, () => database.write('separate'));
      expect(await database.notes()).toEqual(['separate']);
    });
  });

  it('is undone alone', async () => {
    await call({}, async () => {
      await database.write('outer');
      const inner = call(separate, async () => {
        await database.write('separate');
        throw undo;
      });
      expect(await failureOf(inner)).toBe(undo);
    });

    expect(await database.notes()).toEqual(['outer']);
  });

  it('may have an isolation of its own', async () => {
    await call({ isolation: 'SERIALIZABLE' }, () =>
      call({ ...separate, isolation: 'READ COMMITTED' }, () => database.write('separate')),
    );

    expect(await database.notes()).toEqual(['separate']);
  });
});

describe('NOT_SUPPORTED', () => {
  const without = { propagation: 'NOT_SUPPORTED' } as const;

  it('runs without a transaction; each statement is kept by itself', async () => {
    await insideUndone(() =>
      call(without, async () => {
        expect(currentId()).toBeUndefined();
        await database.write('without');
        expect(await database.notes()).toEqual(['without']);
      }),
    );

    expect(await database.notes()).toEqual(['without']);
  });

  it('lets an inner REQUIRED begin', async () => {
    await insideUndone(() => call(without, () => call({}, () => database.write('inner'))));

    expect(await database.notes()).toEqual(['inner']);
  });

  it('does not condemn the outer one by its failure', async () => {
    await call({}, async () => {
      await database.write('outer');
      await failureOf(call(without, () => Promise.reject(undo)));
    });

    expect(await database.notes()).toEqual(['outer']);
  });
});

describe.each(['REQUIRES_NEW', 'NOT_SUPPORTED'] as const)('%s under Promise.all', (propagation) => {
  it('suspends the outer transaction for exactly its own call', async () => {
    const apartIsInside = gate();
    const siblingIsDone = gate();
    await insideUndone(() =>
      Promise.all([
        call({ propagation }, async () => {
          apartIsInside.open();
          await siblingIsDone.opened;
          await database.write('apart');
        }),
        (async () => {
          const before = currentId();
          await apartIsInside.opened;
          expect(currentId()).toBe(before);
          await database.write('sibling');
          siblingIsDone.open();
        })(),
      ]),
    );

    expect(await database.notes()).toEqual(['apart']);
  });
});

describe('SUPPORTS', () => {
  it('joins where there is one', async () => {
    await insideUndone(() => call({ propagation: 'SUPPORTS' }, () => database.write('inner')));

    expect(await database.notes()).toEqual([]);
  });

  it('runs without where there is none', async () => {
    const work = call({ propagation: 'SUPPORTS' }, async () => {
      expect(currentId()).toBeUndefined();
      await database.write('without');
      throw undo;
    });

    await failureOf(work);
    expect(await database.notes()).toEqual(['without']);
  });
});

describe('MANDATORY and NEVER', () => {
  it('MANDATORY joins where there is one, NEVER runs where there is none', async () => {
    await insideUndone(() => call({ propagation: 'MANDATORY' }, () => database.write('joined')));
    await call({ propagation: 'NEVER' }, () => database.write('without'));

    expect(await database.notes()).toEqual(['without']);
  });

  it.each([
    ['MANDATORY', (violating: () => Promise<void>) => violating()],
    ['NEVER', (violating: () => Promise<void>) => call({}, violating)],
    [
      'MANDATORY',
      (violating: () => Promise<void>) => call({}, () => call({ propagation: 'NOT_SUPPORTED' }, violating)),
    ],
  ] as const)('%s rejects, before any user code and never by throwing', async (propagation, around) => {
    let hasRun = false;
    await around(async () => {
      const refused = call({ propagation }, () => void (hasRun = true));
      expect(refused).toBeInstanceOf(Promise);
      const failure = await failureOf(refused);
      expect(failure).toBeInstanceOf(PropagationError);
      expect(failure).toMatchObject({ propagation, outcome: 'not-started' });
    });

    expect(hasRun).toBe(false);
  });

  it('leave the transaction in which they were refused as it was', async () => {
    await call({}, async () => {
      await database.write('outer');
      await failureOf(call({ propagation: 'NEVER' }, () => undefined));
    });

    expect(await database.notes()).toEqual(['outer']);
  });
});

describe('a joining call that asks for what the transaction is not', () => {
  it.each<[string, TransactionOptions, TransactionOptions]>([
    ['isolation', {}, { isolation: 'SERIALIZABLE' }],
    ['isolation', { isolation: 'SERIALIZABLE' }, { isolation: 'REPEATABLE READ' }],
    ['readOnly', { readOnly: true }, {}],
    ['readOnly', { readOnly: true }, { propagation: 'NESTED' }],
    ['deferrable', { readOnly: true }, { readOnly: true, deferrable: true }],
  ])('is refused before any user code: %s of %p, asked %p', async (option, outer, inner) => {
    let hasRun = false;
    await call(outer, async () => {
      const failure = await failureOf(call(inner, () => void (hasRun = true)));
      expect(failure).toBeInstanceOf(IncompatibleOptionsError);
      expect(failure).toMatchObject({ option, outcome: 'not-started' });
    });

    expect(hasRun).toBe(false);
  });

  it('joins when it only reads, or asks for the same', async () => {
    await call({ isolation: 'SERIALIZABLE' }, async () => {
      await call({ readOnly: true }, () => database.dataSource.query('SELECT 1'));
      await call({ isolation: 'SERIALIZABLE' }, () => database.write('same'));
    });

    expect(await database.notes()).toEqual(['same']);
  });
});
