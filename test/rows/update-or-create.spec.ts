import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  afterCommit,
  IncompatibleOptionsError,
  InvalidOptionsError,
  updateOrCreate,
} from '@nest-transactional/core';
import { gate, watched } from '../support/gate.js';
import { rounds } from '../support/thoroughness.js';
import { failureOf } from '../transactions/enlisted-database.js';
import { Folder } from '../transactions/entities.js';
import { Customer, Seat } from './entities.js';
import { meeting, RowsDatabase } from './rows-database.js';

const CALLERS = 50;
/** Twenty rounds of them may take that long on a busy machine. */
const THOROUGH_MS = 120_000;
let database: RowsDatabase;

beforeAll(async () => {
  database = await RowsDatabase.open({ poolSize: 20 });
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const customers = () => database.repository(Customer);
const ann = { email: 'ann@example.com' };
const visit = ({ visits }: Customer): Partial<Customer> => ({ visits: visits + 1 });
const insertCustomer = (values: object): Promise<unknown> => customers().insert({ ...values });

describe('updateOrCreate()', () => {
  it('creates the row of what where, create and update say', async () => {
    const [customer, created] = await updateOrCreate(customers(), ann, { visits: 1 }, { nickname: 'Annie' });

    expect(created).toBe(true);
    expect(customer).toBeInstanceOf(Customer);
    expect(customer).toMatchObject({ id: 1, ...ann, nickname: 'Annie', visits: 1, version: 1 });
    expect(await database.rowsOf('customer')).toMatchObject([{ ...ann, nickname: 'Annie', visits: 1 }]);
  });

  it('updates the row that is there, and leaves create alone', async () => {
    await insertCustomer({ ...ann, nickname: 'Annie' });
    const never = (): never => {
      throw new Error('nothing was to be created');
    };
    const [customer, created] = await updateOrCreate(customers(), ann, { visits: 1 }, never);

    expect(created).toBe(false);
    expect(customer).toMatchObject({ nickname: 'Annie', visits: 1, version: 2 });
    expect(await database.rowsOf('customer')).toMatchObject([{ nickname: 'Annie', visits: 1, version: 2 }]);
  });

  it.each<
    [how: string, update: (customer: Customer) => Partial<Customer> | void | Promise<Partial<Customer>>]
  >([
    ['returns values', visit],
    ['returns values later', async (customer) => visit(customer)],
    ['changes the entity', (customer) => void (customer.visits += 1)],
    ['changes and returns the entity', (customer) => Object.assign(customer, visit(customer))],
  ])('takes a function that %s, for a new row and for one that is there', async (_how, update) => {
    const [, created] = await updateOrCreate(customers(), ann, update, { visits: 10 });
    const [customer, createdAgain] = await updateOrCreate(customers(), ann, update, { visits: 10 });

    expect([created, createdAgain]).toEqual([true, false]);
    expect(customer.visits).toBe(12);
    expect(await database.rowsOf('customer')).toMatchObject([{ visits: 12 }]);
  });

  it('lets update win over create', async () => {
    const [customer] = await updateOrCreate(customers(), ann, { visits: 2 }, async () => ({ visits: 1 }));

    expect(customer.visits).toBe(2);
  });

  it('writes nothing where nothing changes', async () => {
    await insertCustomer({ ...ann, visits: 1 });
    await updateOrCreate(customers(), ann, { visits: 1 });

    expect(await database.rowsOf('customer')).toMatchObject([{ version: 1 }]);
  });
});

describe('a relation in update', () => {
  const place = { hall: 'A', number: 7 };
  const seats = () => database.repository(Seat);

  beforeEach(async () => {
    await insertCustomer({ ...ann, nickname: 'Annie' });
    await insertCustomer({ email: 'bob@example.com', nickname: 'Bob' });
    await seats().insert({ ...place, holder: { id: 1 } });
  });

  it.each<[by: string, update: Partial<Seat>]>([
    ['its entity', { holder: { id: 2 } as Customer }],
    ['its key', { holderId: 2 }],
  ])('is replaced, by %s: neither of the related rows is written', async (_by, update) => {
    const [seat] = await updateOrCreate(seats(), place, update);

    expect(seat.holder?.nickname).toBeUndefined();
    expect(await database.rowsOf('seat')).toMatchObject([{ holderId: 2 }]);
    const nicknames = (await database.rowsOf<Customer>('customer')).map(({ nickname }) => String(nickname));
    expect(nicknames.toSorted()).toEqual(['Annie', 'Bob']);
  });

  it('can be taken away', async () => {
    await updateOrCreate(seats(), place, { holder: null });

    expect(await database.rowsOf('seat')).toMatchObject([{ holderId: null }]);
  });

  it('and one that the new row does not hold is refused', async () => {
    const carl = { email: 'carl@example.com' };
    const failure = await failureOf(updateOrCreate(customers(), carl, { purchases: [{}] }));

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure.message).toMatch(/^updateOrCreate\(\): 'purchases' of Customer/);
  });
});

describe(`of ${CALLERS} callers at once`, () => {
  it.each<[name: string, inTransaction: boolean]>([
    ['without a transaction', false],
    ['each in a transaction of its own', true],
  ])(
    '%s, one creates the row, and no update is lost',
    async (_name, inTransaction) => {
      for (let round = 0; round < rounds({ usual: 3, thorough: 20 }); round++) {
        await database.empty();
        const met = meeting(database.poolSize);
        const create = async (): Promise<Partial<Customer>> => {
          await met();
          return { nickname: 'Annie', visits: 0 };
        };
        const call = (): Promise<[Customer, boolean]> => updateOrCreate(customers(), ann, visit, create);
        const results = await Promise.all(
          Array.from({ length: CALLERS }, () => (inTransaction ? database.run(call) : call())),
        );

        expect(results.filter(([, created]) => created)).toHaveLength(1);
        expect(await database.rowsOf('customer')).toMatchObject([{ visits: CALLERS, version: CALLERS }]);
        const seen = results.map(([{ visits }]) => visits).toSorted((one, other) => one - other);
        expect(seen).toEqual(Array.from({ length: CALLERS }, (_, index) => index + 1));
      }
    },
    THOROUGH_MS,
  );
});

describe('the row that was found', () => {
  it('stays locked until the transaction ends', async () => {
    await insertCustomer(ann);
    await database.run(async () => {
      await updateOrCreate(customers(), ann, {});
      const lock = database.observer.query('SELECT 1 FROM customer FOR NO KEY UPDATE NOWAIT');
      await expect(lock).rejects.toMatchObject({ code: '55P03' });
    });
  });

  it('is the winner’s, when this caller came too late to create it', async () => {
    const hasLooked = gate();
    const hasInserted = gate();
    const decide = gate();
    const winner = watched(
      database.run(async () => {
        await hasLooked.opened;
        await insertCustomer({ ...ann, visits: 5 });
        hasInserted.open();
        await decide.opened;
      }),
    );
    const late = updateOrCreate(customers(), ann, visit, async () => {
      hasLooked.open();
      await hasInserted.opened;
      return { visits: 100 };
    });
    await hasInserted.opened;
    await database.waiting();
    decide.open();
    await winner;

    expect(await late).toEqual([expect.objectContaining({ visits: 6 }), false]);
    expect(await database.rowsOf('customer')).toMatchObject([{ visits: 6 }]);
  });
});

describe('the transaction', () => {
  it('is the surrounding one', async () => {
    await insertCustomer(ann);
    const undone = database.run(async () => {
      await updateOrCreate(customers(), ann, visit);
      await updateOrCreate(customers(), { email: 'bob@example.com' }, visit, { visits: 0 });
      throw new Error('undo');
    });
    await failureOf(undone);

    expect(await database.rowsOf('customer')).toMatchObject([{ ...ann, visits: 0 }]);
  });

  it('is one of its own where there is none: hooks in update belong to it', async () => {
    const committed: unknown[] = [];
    const update = (): Partial<Customer> => {
      const look = async (): Promise<unknown> => committed.push(await database.rowsOf('customer'));
      afterCommit(look, { dataSource: 'default' });
      return { visits: 1 };
    };
    await updateOrCreate(customers(), ann, update);

    expect(committed).toMatchObject([[{ visits: 1 }]]);
  });

  it('that is read-only refuses it before anything is sent', async () => {
    let failure: unknown;
    const statements = await database.statementsOf(() =>
      database.run(
        async () => {
          failure = await failureOf(updateOrCreate(customers(), ann, visit));
        },
        { readOnly: true },
      ),
    );

    expect(failure).toBeInstanceOf(IncompatibleOptionsError);
    expect(failure).toMatchObject({
      option: 'readOnly',
      message: expect.stringContaining('updateOrCreate()'),
    });
    expect(statements).toEqual([]);
  });
});

describe.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)('at %s', (isolation) => {
  it.each(['created', 'changed'])(
    'a row that was %s meanwhile is 40001, which retry handles',
    async (how) => {
      const values = `(email, version) VALUES ('ann@example.com', 1)`;
      if (how === 'changed') await database.observer.query(`INSERT INTO customer ${values}`);
      const interfere =
        how === 'created' ? `INSERT INTO customer ${values}` : 'UPDATE customer SET visits = 4';
      const failures: unknown[] = [];
      let attempts = 0;
      await database.run(
        async () => {
          await customers().count();
          if (++attempts === 1) await database.observer.query(interfere);
          await updateOrCreate(customers(), ann, visit, { visits: 0 }).catch((error: unknown) => {
            failures.push(error);
            throw error;
          });
        },
        { isolation, retry: 1 },
      );

      expect(failures).toMatchObject([{ driverError: { code: '40001' } }]);
      expect(await database.rowsOf('customer')).toMatchObject([{ visits: how === 'created' ? 1 : 5 }]);
    },
  );
});

describe('what stands in the way', () => {
  it('of another unique key is a unique violation', async () => {
    await insertCustomer({ email: 'bob@example.com', nickname: 'Annie' });
    const failure = await failureOf(updateOrCreate(customers(), ann, { nickname: 'Annie' }));

    expect(failure.driverError).toMatchObject({ code: '23505', detail: expect.stringContaining('nickname') });
  });

  it('and is soft-deleted is one, too', async () => {
    await insertCustomer(ann);
    await customers().softDelete({ ...ann });

    expect((await failureOf(updateOrCreate(customers(), ann, { visits: 1 }))).driverError.code).toBe('23505');
  });

  it.each<[what: string, call: () => Promise<unknown>, option: string]>([
    ['a where without a unique key', () => updateOrCreate(customers(), { visits: 1 }, visit), 'where'],
    ['an empty where', () => updateOrCreate(customers(), {}, visit), 'where'],
    ['a tree', () => updateOrCreate(database.repository(Folder), { id: 1 }, { name: 'a' }), 'repository'],
  ])('%s is refused before anything is sent', async (_what, call, option) => {
    let failure: unknown;
    const statements = await database.statementsOf(async () => {
      failure = await failureOf(call());
    });

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option, message: expect.stringContaining('updateOrCreate()') });
    expect(statements).toEqual([]);
  });
});
