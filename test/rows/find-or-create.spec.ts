import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, MoreThan, QueryFailedError, type FindOptionsWhere } from 'typeorm';
import {
  afterCommit,
  findOrCreate,
  IncompatibleOptionsError,
  InvalidOptionsError,
} from '@nest-transactional/core';
import { workerDatabaseUrl } from '../support/database.js';
import { gate, watched } from '../support/gate.js';
import { rounds } from '../support/thoroughness.js';
import { failureOf } from '../transactions/enlisted-database.js';
import { Folder } from '../transactions/entities.js';
import { Customer, Draft, Passport, Report, Seat, Subscription } from './entities.js';
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
const never = (): never => {
  throw new Error('nothing was to be created');
};
const sqlState = (error: any): string => error.driverError?.code;
const insertCustomer = (values: object): Promise<unknown> => customers().insert({ ...values });

describe('findOrCreate()', () => {
  it('creates the row of what where and create say', async () => {
    const [customer, created] = await findOrCreate(customers(), ann, { nickname: 'Annie' });

    expect(created).toBe(true);
    expect(await database.rowsOf('customer')).toMatchObject([{ ...ann, nickname: 'Annie', visits: 0 }]);
    expect(customer).toBeInstanceOf(Customer);
    expect(customer).toMatchObject({
      id: 1,
      ...ann,
      nickname: 'Annie',
      visits: 0,
      version: 1,
      deletedAt: null,
    });
    expect(customer.since).toBeInstanceOf(Date);
  });

  it('finds the row that is there, and writes nothing', async () => {
    await insertCustomer({ ...ann, nickname: 'Annie' });
    let result: unknown;
    const statements = await database.statementsOf(async () => {
      result = await findOrCreate(customers(), ann, never);
    });

    expect(result).toEqual([expect.objectContaining({ id: 1, nickname: 'Annie' }), false]);
    expect(statements).toEqual([expect.stringMatching(/^SELECT/)]);
  });

  it('asks for further values only when it needs them, and waits for them', async () => {
    let asked = 0;
    const create = async (): Promise<Partial<Customer>> => {
      asked++;
      await customers().count();
      return { visits: 3 };
    };
    const [first] = await findOrCreate(customers(), ann, create);
    const [second] = await findOrCreate(customers(), ann, create);

    expect([first.visits, second.visits, asked]).toEqual([3, 3, 1]);
  });

  it('lets where win over create', async () => {
    const [customer] = await findOrCreate(customers(), ann, { email: 'bob@example.com', visits: 1 });

    expect(customer).toMatchObject({ ...ann, visits: 1 });
    expect(await database.rowsOf('customer')).toMatchObject([ann]);
  });

  it('tells listeners of the insert, with the row as it is stored', async () => {
    const [customer] = await findOrCreate(customers(), ann, {});

    expect(customer.heard).toEqual(['before', 'after']);
  });

  it('can be stored again, at the version that it has', async () => {
    const [customer] = await findOrCreate(customers(), ann, {});
    customer.visits = 2;
    await customers().save(customer);

    expect(await database.rowsOf('customer')).toMatchObject([{ visits: 2, version: 2 }]);
  });

  it('takes no further round trip for the savepoint around the INSERT', async () => {
    const roundTrips = await database.roundTripsOf(() =>
      database.run(async () => {
        await findOrCreate(customers(), ann, {});
      }),
    );

    // SELECT with BEGIN, INSERT with SAVEPOINT, COMMIT.
    expect(roundTrips).toBe(3);
  });
});

describe('the unique key may be', () => {
  it('a composite primary key', async () => {
    const seats = database.repository(Seat);
    const [seat, created] = await findOrCreate(seats, { hall: 'A', number: 7 }, { state: 'held' });
    const [again, createdAgain] = await findOrCreate(seats, { hall: 'A', number: 7 }, never);

    expect([created, createdAgain]).toEqual([true, false]);
    expect(seat).toMatchObject({ hall: 'A', number: 7, state: 'held' });
    expect(again).toMatchObject({ state: 'held' });
  });

  it('in part a relation', async () => {
    const [customer] = await findOrCreate(customers(), ann, {});
    const subscriptions = database.repository(Subscription);
    const where = { customer: { id: customer.id }, topic: 'news' };
    const [news, created] = await findOrCreate(subscriptions, where, { weekly: true });
    const [again, createdAgain] = await findOrCreate(subscriptions, where, never);

    expect([created, createdAgain]).toEqual([true, false]);
    expect(news.customer).toEqual({ id: customer.id });
    expect(again.id).toBe(news.id);
    expect(await database.rowsOf('subscription')).toMatchObject([{ customerId: customer.id, weekly: true }]);
  });

  it('the key of a one-to-one relation', async () => {
    const [customer] = await findOrCreate(customers(), ann, {});
    const passports = database.repository(Passport);
    const where = { customer: { id: customer.id } };
    const [, created] = await findOrCreate(passports, where, { number: 'C01' });
    const [again, createdAgain] = await findOrCreate(passports, where, never);

    expect([created, createdAgain]).toEqual([true, false]);
    expect(again.number).toBe('C01');
  });

  it('in part embedded; and nothing needs to be generated', async () => {
    const reports = database.repository(Report);
    const where = { shop: 'Kiel', period: { year: 2026, quarter: 1 } };
    const [report, created] = await findOrCreate(reports, where, { title: 'Spring' });
    const [again, createdAgain] = await findOrCreate(reports, where, never);

    expect([created, createdAgain]).toEqual([true, false]);
    expect(report).toMatchObject({ title: 'Spring', ...where });
    expect(again).toMatchObject({ title: 'Spring' });
  });

  it('the smallest of several', async () => {
    const seats = database.repository(Seat);
    const where = { hall: 'A', number: 7, code: 'A7' };
    const statements = await database.statementsOf(() => findOrCreate(seats, where, {}));

    expect(statements).toContainEqual(expect.stringContaining('ON CONFLICT ( "code" ) DO NOTHING'));
  });

  it('beside conditions that a row is looked for by, but not made of', async () => {
    await insertCustomer({ ...ann, visits: 5 });
    const [found] = await findOrCreate(customers(), { ...ann, visits: MoreThan(3) }, never);
    const bob = { email: 'bob@example.com', visits: MoreThan(3) };
    const [made] = await findOrCreate(customers(), bob, { visits: 4 });

    expect([found.visits, made.visits]).toEqual([5, 4]);
  });

  it('beside one within an embedded, or on a related row', async () => {
    await insertCustomer(ann);
    const spring = { title: 'Spring', period: { year: 2026, quarter: MoreThan(0) } };
    const [report] = await findOrCreate(database.repository(Report), spring, {
      shop: 'Kiel',
      period: { quarter: 1 },
    });
    const annsSeat = { hall: 'A', number: 7, holder: ann };
    const [seat] = await findOrCreate(database.repository(Seat), annsSeat, { holder: { id: 1 } });

    expect(report.period).toEqual({ year: 2026, quarter: 1 });
    expect(seat.holder).toEqual({ id: 1 });
    expect(await database.rowsOf('seat')).toMatchObject([{ holderId: 1 }]);
  });
});

describe(`of ${CALLERS} callers at once`, () => {
  // As many as can look before anybody inserts: outside of a transaction, nobody holds a connection meanwhile.
  it.each<[name: string, inTransaction: boolean, atOnce: () => number]>([
    ['without a transaction', false, () => CALLERS],
    ['each in a transaction of its own', true, () => database.poolSize],
  ])(
    '%s, one creates the row and the others find it',
    async (_name, inTransaction, atOnce) => {
      for (let round = 0; round < rounds({ usual: 3, thorough: 20 }); round++) {
        await database.empty();
        const met = meeting(atOnce());
        // The nickname is unique, too: it may be what two rows collide on first.
        const create = async (): Promise<Partial<Customer>> => {
          await met();
          return { nickname: 'Annie' };
        };
        const call = (): Promise<[Customer, boolean]> => findOrCreate(customers(), ann, create);
        const results = await Promise.all(
          Array.from({ length: CALLERS }, () => (inTransaction ? database.run(call) : call())),
        );

        expect(results.filter(([, created]) => created)).toHaveLength(1);
        expect(new Set(results.map(([{ id }]) => id)).size).toBe(1);
        expect(await database.rowsOf('customer')).toHaveLength(1);
      }
    },
    THOROUGH_MS,
  );
});

describe('a caller who was too late', () => {
  /** Looks, and inserts when another transaction has inserted the row and not yet committed. */
  async function lateBehind(rival: 'commits' | 'rolls back'): Promise<[Customer, boolean]> {
    const hasLooked = gate();
    const hasInserted = gate();
    const decide = gate();
    const other = watched(
      database.run(async () => {
        await hasLooked.opened;
        await insertCustomer({ ...ann, nickname: 'rival' });
        hasInserted.open();
        await decide.opened;
        if (rival === 'rolls back') throw new Error('no');
      }),
    );
    const late = database.run(async () => {
      const result = await findOrCreate(customers(), ann, async () => {
        hasLooked.open();
        await hasInserted.opened;
        return { nickname: 'late' };
      });
      await insertCustomer({ email: 'afterwards@example.com' });
      return result;
    });
    await hasInserted.opened;
    await database.waiting();
    decide.open();
    await other.catch(() => undefined);
    return await late;
  }

  it('finds the other one’s row, and its own transaction goes on', async () => {
    const [customer, created] = await lateBehind('commits');

    expect([customer.nickname, created]).toEqual(['rival', false]);
    expect(customer.heard).toBeUndefined();
    expect(await database.rowsOf('customer')).toMatchObject([{ nickname: 'rival' }, { nickname: null }]);
  });

  it('creates the row when the other one rolls back', async () => {
    const [customer, created] = await lateBehind('rolls back');

    expect([customer.nickname, created]).toEqual(['late', true]);
    expect(await database.rowsOf('customer')).toMatchObject([{ nickname: 'late' }, { nickname: null }]);
  });

  it('finds it also when another unique key is what the two collide on first', async () => {
    const hasInserted = gate();
    const mayGoOn = gate();
    const other = watched(
      database.run(async () => {
        await insertCustomer(ann);
        hasInserted.open();
        await mayGoOn.opened;
        await customers().update({ ...ann }, { nickname: 'Annie' });
      }),
    );
    await hasInserted.opened;
    const late = watched(database.run(() => findOrCreate(customers(), { nickname: 'Annie' }, ann)));
    await database.waiting();
    mayGoOn.open();
    await other;

    expect(await late).toEqual([expect.objectContaining({ ...ann, nickname: 'Annie' }), false]);
  });

  it('creates the row after all when it is gone before it can be read', async () => {
    database.between.after = async (sql) => {
      if (sql.startsWith('INSERT')) await database.observer.query('DELETE FROM customer WHERE visits = 99');
    };
    const heard: Partial<Customer>[] = [];
    const [customer, created] = await findOrCreate(customers(), ann, async () => {
      await database.observer.query(
        `INSERT INTO customer (email, visits, version) VALUES ('ann@example.com', 99, 1)`,
      );
      heard.push({});
      return { visits: 1 };
    });

    expect(created).toBe(true);
    expect(customer.visits).toBe(1);
    // Asked once, and no listener met an entity that another round had changed.
    expect(heard).toHaveLength(1);
    expect(customer.heard).toEqual(['before', 'after']);
    expect(await database.rowsOf('customer')).toMatchObject([{ visits: 1 }]);
  });

  it('gives up when the row comes and goes, with the server’s own error', async () => {
    const put = `INSERT INTO customer (email, version) VALUES ('ann@example.com', 1)`;
    let inserts = 0;
    database.between.after = async (sql) => {
      if (sql.startsWith('SELECT')) await database.observer.query(put);
      if (!sql.startsWith('INSERT')) return;
      inserts++;
      await database.observer.query('DELETE FROM customer');
    };
    const failure = await failureOf(findOrCreate(customers(), ann, {}));

    expect(failure).toBeInstanceOf(QueryFailedError);
    expect(sqlState(failure)).toBe('23505');
    expect(inserts).toBe(3);
  });
});

describe.each(['REPEATABLE READ', 'SERIALIZABLE'] as const)('at %s', (isolation) => {
  /** The row is created by another one when the snapshot was taken already. */
  async function overtaken(retry: number): Promise<[Customer, boolean]> {
    let attempt = 0;
    return await database.run(
      async () => {
        await customers().count();
        if (++attempt === 1)
          await database.observer.query(
            `INSERT INTO customer (email, version) VALUES ('ann@example.com', 1)`,
          );
        return await findOrCreate(customers(), ann, {});
      },
      { isolation, retry },
    );
  }

  it('a row that was created meanwhile is a serialization failure', async () => {
    expect(sqlState(await failureOf(overtaken(0)))).toBe('40001');
  });

  it('it is found by the next try', async () => {
    expect(await overtaken(1)).toEqual([expect.objectContaining(ann), false]);
  });
});

describe('a unique key that another row has', () => {
  it('is a unique violation, which does not abort the transaction', async () => {
    await insertCustomer({ email: 'bob@example.com', nickname: 'Annie' });
    await database.run(async () => {
      const failure = await failureOf(findOrCreate(customers(), ann, { nickname: 'Annie' }));
      expect(sqlState(failure)).toBe('23505');
      expect(failure.driverError.detail).toContain('nickname');
      await findOrCreate(customers(), ann, { nickname: 'Ann' });
    });

    expect(await database.rowsOf('customer')).toMatchObject([{ nickname: 'Annie' }, { nickname: 'Ann' }]);
  });

  it('so is that of a row which has the key but does not match', async () => {
    await insertCustomer({ ...ann, visits: 1 });

    expect(sqlState(await failureOf(findOrCreate(customers(), { ...ann, visits: 2 }, {})))).toBe('23505');
    expect(await database.rowsOf('customer')).toHaveLength(1);
  });

  it('and that of a soft-deleted row', async () => {
    await insertCustomer(ann);
    await customers().softDelete(ann);

    expect(sqlState(await failureOf(findOrCreate(customers(), ann, {})))).toBe('23505');
  });

  it('with withDeleted the soft-deleted row is found', async () => {
    await insertCustomer(ann);
    await customers().softDelete(ann);
    const [customer, created] = await findOrCreate(customers(), ann, never, { withDeleted: true });

    expect(created).toBe(false);
    expect(customer.deletedAt).toBeInstanceOf(Date);
  });
});

describe('in a transaction', () => {
  it('the row goes when that is rolled back', async () => {
    await failureOf(
      database.run(async () => {
        const [, created] = await findOrCreate(customers(), ann, {});
        const [, createdAgain] = await findOrCreate(customers(), ann, never);
        expect([created, createdAgain]).toEqual([true, false]);
        throw new Error('undo');
      }),
    );

    expect(await database.rowsOf('customer')).toEqual([]);
  });

  it('of the INSERT’s own, where there is none, listeners can register hooks', async () => {
    const committed: unknown[] = [];
    const look = async (): Promise<unknown> => committed.push(await database.rowsOf('customer'));
    database.between.after = async (sql) => {
      if (sql.startsWith('INSERT')) afterCommit(look, { dataSource: 'default' });
    };
    await findOrCreate(customers(), ann, {});

    expect(committed).toMatchObject([[ann]]);
  });

  it('that is read-only, a row can be found', async () => {
    await insertCustomer(ann);

    expect(await database.run(() => findOrCreate(customers(), ann, never), { readOnly: true })).toEqual([
      expect.objectContaining(ann),
      false,
    ]);
  });

  it('that is read-only, none can be created: create is not asked, nothing is sent', async () => {
    let failure: unknown;
    const statements = await database.statementsOf(() =>
      database.run(
        async () => {
          failure = await failureOf(findOrCreate(customers(), ann, never));
        },
        { readOnly: true },
      ),
    );

    expect(failure).toBeInstanceOf(IncompatibleOptionsError);
    expect(failure).toMatchObject({ option: 'readOnly', message: expect.stringContaining('findOrCreate()') });
    expect(statements.filter((sql) => sql.startsWith('INSERT'))).toEqual([]);
  });
});

describe('a query runner of the user’s own', () => {
  it('is what its repository uses', async () => {
    const runner = customers().manager.dataSource.createQueryRunner();
    await runner.startTransaction();
    const [, created] = await findOrCreate(runner.manager.getRepository(Customer), ann, {});
    const [, createdAgain] = await findOrCreate(runner.manager.getRepository(Customer), ann, never);
    await runner.rollbackTransaction();
    await runner.release();

    expect([created, createdAgain]).toEqual([true, false]);
    expect(await database.rowsOf('customer')).toEqual([]);
  });
});

describe('is refused before anything is sent', () => {
  it.each<[what: string, call: () => Promise<unknown>, fault: { option: string; message: string }]>([
    [
      'a where without a unique key',
      () => findOrCreate(customers(), { visits: 1 }, {}),
      { option: 'where', message: `@Unique(['visits'])` },
    ],
    [
      'an operator in place of a key',
      () => findOrCreate(customers(), { id: MoreThan(3) }, {}),
      { option: 'where', message: 'no unique key' },
    ],
    [
      'a part of a key',
      () => findOrCreate(database.repository(Seat), { hall: 'A' }, {}),
      { option: 'where', message: 'no unique key' },
    ],
    [
      'any related row',
      () => findOrCreate(database.repository(Passport), { customer: true }, {}),
      { option: 'where', message: 'no unique key' },
    ],
    [
      'a partial unique index',
      () => findOrCreate(database.repository(Draft), { slug: 'a' }, { place: 1 }),
      { option: 'where', message: 'no unique key' },
    ],
    [
      'a deferrable constraint',
      () => findOrCreate(database.repository(Draft), { place: 1 }, { slug: 'a' }),
      { option: 'where', message: 'no unique key' },
    ],
    [
      'an empty where',
      () => findOrCreate(customers(), {}, {}),
      { option: 'where', message: 'at least one condition' },
    ],
    [
      'alternatives in where',
      () => findOrCreate(customers(), [ann] as FindOptionsWhere<Customer>, {}),
      { option: 'where', message: 'must be an object' },
    ],
    [
      'an unknown option',
      () => findOrCreate(customers(), ann, {}, { withdeleted: true } as object),
      { option: 'withdeleted', message: 'withDeleted' },
    ],
    [
      'a tree',
      () => findOrCreate(database.repository(Folder), { id: 1 }, { name: 'a' }),
      { option: 'repository', message: 'save()' },
    ],
  ])('%s', async (_what, call, { option, message }) => {
    let failure: unknown;
    const statements = await database.statementsOf(async () => {
      failure = await failureOf(call());
    });

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option, message: expect.stringContaining(message) });
    expect(statements).toEqual([]);
  });

  it('a data source that is not enlisted', async () => {
    const stranger = new DataSource({ type: 'postgres', url: workerDatabaseUrl(), entities: [Draft] });
    await stranger.initialize();
    const failure = await failureOf(findOrCreate(stranger.getRepository(Draft), { id: 1 }, {}));
    await stranger.destroy();

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure).toMatchObject({ option: 'dataSource', message: expect.stringContaining('enlist(') });
  });
});

describe('related rows', () => {
  it.each<[what: string, create: () => Promise<unknown>, message: RegExp]>([
    [
      'that refer to the new one',
      () => findOrCreate(customers(), ann, { purchases: [{}] }),
      /'purchases' of Customer is stored in other rows/,
    ],
    [
      'that have no key yet',
      () => findOrCreate(database.repository(Seat), { hall: 'A', number: 1 }, { holder: { email: 'x' } }),
      /'holder' of Seat refers to a row that has no key yet/,
    ],
  ])('%s are refused, not lost', async (_what, create, message) => {
    const failure = await failureOf(create());

    expect(failure).toBeInstanceOf(InvalidOptionsError);
    expect(failure.message).toMatch(message);
    expect(await database.rowsOf('customer')).toEqual([]);
  });
});
