import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Equal,
  Not,
  type DataSource,
  type EntityManager,
  type EntityTarget,
  type Logger,
  type ObjectLiteral,
} from 'typeorm';
import { rounds } from '../support/thoroughness.js';
import {
  Deletable,
  Dog,
  Eager,
  HeardSubscriber,
  Lazy,
  loaded,
  Paired,
  Pointer,
  SHAPES,
  Usual,
} from './shapes.js';
import { SealedSheet, Sheet, Owner, WrappedSheet } from './sheet.js';
import { failureOf, openDataSource, VersionedDatabase } from './versioned-database.js';

const ROUNDS = rounds({ usual: 100, thorough: 5000 });
const LIMIT_MS = 300_000;
type Target = EntityTarget<ObjectLiteral>;

const TARGETS: Target[] = [...SHAPES, Sheet, WrappedSheet, SealedSheet];
const asked: unknown[] = [];
const logger: Logger = {
  logQuery: (sql, parameters) => void (sql.startsWith('SELECT') && asked.push(sql, parameters)),
  logQueryError: (error) => void asked.push(String(error)),
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};
let fast: VersionedDatabase;
let slow: VersionedDatabase;
let typeOrm: DataSource;
/** How often a query builder was made for the fast one. */
let builders = 0;
const keys = new Map<Target, ObjectLiteral>();

beforeAll(async () => {
  const options = { subscribers: [HeardSubscriber], logger };
  const entities = [...TARGETS, Owner, Lazy] as never[];
  fast = await VersionedDatabase.open(entities, options, { fastPaths: true });
  slow = await fast.beside(options, { fastPaths: false });
  typeOrm = await openDataSource({ ...options, entities, synchronize: false, dropSchema: false });
  await seed(fast.plain.manager);
  const { dataSource } = fast;
  const createQueryBuilder = dataSource.createQueryBuilder.bind(dataSource) as (...all: any[]) => any;
  dataSource.createQueryBuilder = (...all: any[]) => {
    builders++;
    return createQueryBuilder(...all);
  };
});
afterAll(async () => {
  await typeOrm.destroy();
  await slow.dataSource.destroy();
  await fast.close();
});

async function seed(manager: EntityManager): Promise<void> {
  const given = new Map<Target, ObjectLiteral>([
    [Usual, { title: 'title' }],
    [Paired, { a: 1, b: 'b' }],
    [Sheet, { title: 'title' }],
    [WrappedSheet, { title: 'title', size: { height: 2 } }],
    [SealedSheet, { title: 'title' }],
    [Dog, { barks: 1 }],
  ]);
  for (const target of TARGETS) {
    const { identifiers } = await manager.insert(target, given.get(target) ?? {});
    keys.set(target, identifiers[0]!);
  }
  await manager.update(Eager, 1, { usual: { id: 1 } });
  await manager.update(Pointer, 1, { eager: { id: 1 } });
  await manager.insert(Lazy, { usual: { id: 1 } as never });
}

/** What is asked for: the key of a row that is there, of none, or nothing that could be a key. */
type Alter = (key: ObjectLiteral) => ObjectLiteral | undefined;

const valuesOf = (key: ObjectLiteral, alter: (value: unknown) => unknown): ObjectLiteral =>
  Object.fromEntries(Object.entries(key).map(([name, value]) => [name, alter(value)]));

const WHERES: Record<string, Alter> = {
  'the key': (key) => key,
  'the key as text': (key) => valuesOf(key, String),
  'the key in other words': (key) => valuesOf(key, (value) => ` ${String(value)}`),
  'the key in another order': (key) => Object.fromEntries(Object.entries(key).toReversed()),
  'another key': (key) => valuesOf(key, (value) => (typeof value === 'number' ? 99 : value)),
  'what is no key': (key) => valuesOf(key, () => 'no key'),
  'a number that is none': (key) => valuesOf(key, () => Number.NaN),
  'a number that is too large': (key) => valuesOf(key, () => 2 ** 60),
  'a truth': (key) => valuesOf(key, () => true),
  undefined: (key) => valuesOf(key, () => undefined),
  null: (key) => valuesOf(key, () => null),
  'an operator': (key) => valuesOf(key, (value) => Equal(value)),
  'any other': (key) => valuesOf(key, (value) => Not(Equal(value))),
  'an instance': (key) => Object.assign(Object.create({ inherited: 1 }) as object, key),
  'a part of the key': (key) => Object.fromEntries(Object.entries(key).slice(0, 1)),
  'more than the key': (key) => ({ ...key, name: 'unnamed' }),
  'what is no property': (key) => ({ ...key, nothing: 1 }),
  'several keys': (key) => [key, key],
  nothing: () => ({}),
  'nothing at all': () => undefined,
};

type Ask = (manager: EntityManager, target: Target, where: any) => Promise<unknown>;

const FORMS: Record<string, Ask> = {
  findOneBy: (manager, target, where) => manager.findOneBy(target, where),
  findOneByOrFail: (manager, target, where) => manager.findOneByOrFail(target, where),
  findOne: (manager, target, where) => manager.findOne(target, { where }),
  findOneOrFail: (manager, target, where) => manager.findOneOrFail(target, { where }),
  'of a repository': (manager, target, where) => manager.getRepository(target).findOneBy(where),
  withDeleted: (manager, target, where) => manager.findOne(target, { where, withDeleted: true }),
  'of a part': (manager, target, where) => manager.findOne(target, { where, select: { id: true } }),
  'without options': (manager, target, where) => manager.findOne(target, where),
};

interface Question {
  readonly target: Target;
  readonly where: string;
  readonly form: string;
  readonly isInTransaction: boolean;
}

const anyQuestion = fc.record<Question>({
  target: fc.constantFrom(...TARGETS),
  where: fc.constantFrom('the key', 'another key', ...Object.keys(WHERES)),
  form: fc.constantFrom(...Object.keys(FORMS)),
  isInTransaction: fc.boolean(),
});

type Run = (work: (manager: EntityManager) => Promise<unknown>) => Promise<unknown>;

/** Everything that can be seen of the answer. */
async function answerBy(dataSource: DataSource, run: Run, question: Question): Promise<object> {
  asked.length = 0;
  loaded.length = 0;
  const ask = (manager: EntityManager): Promise<unknown> =>
    FORMS[question.form]!(manager, question.target, WHERES[question.where]!(keys.get(question.target)!));
  const answer = await (question.isInTransaction ? run(ask) : ask(dataSource.manager)).catch(shownError);
  return { answer, text: JSON.stringify(answer), asked: [...asked], loaded: [...loaded] };
}

function shownError(error: Error & { query?: string; parameters?: unknown[]; code?: string }): object {
  const { name, message, query, parameters, code } = error;
  return { error: name, message, query, parameters, code };
}

it(
  `${ROUNDS} random questions for one entity are answered, logged and heard as TypeORM does`,
  async () => {
    await fc.assert(
      fc.asyncProperty(anyQuestion, async (question) => {
        const ours = await answerBy(fast.dataSource, (work) => fast.transactions.run(work), question);

        expect(ours).toStrictEqual(
          await answerBy(slow.dataSource, (work) => slow.transactions.run(work), question),
        );
        expect(ours).toStrictEqual(await answerBy(typeOrm, (work) => typeOrm.transaction(work), question));
      }),
      { numRuns: ROUNDS, endOnFailure: true },
    );
  },
  LIMIT_MS,
);

it.each<[name: string, target: Target]>([
  ['one of several columns', Paired],
  ['soft-deleted or not', Deletable],
  ['usual', Usual],
  ['in an embedded object, too', Sheet],
])('no query is built for a key that was asked for before: %s', async (_name, target) => {
  const key = keys.get(target) as object;
  const first = await fast.dataSource.manager.findOneBy(target, key);
  builders = 0;
  const again = await fast.dataSource.manager.findOneBy(target, key);

  expect([again, builders]).toStrictEqual([first, 0]);
  expect(again).not.toBe(first);
});

it('a soft-deleted row is not found by its key', async () => {
  const { identifiers } = await fast.plainly(Deletable).insert({});
  const id = identifiers[0]!['id'] as number;
  const found = await fast.repository(Deletable).findOneBy({ id });
  await fast.plainly(Deletable).softDelete({ id });

  expect(found).toMatchObject({ id });
  expect(await fast.repository(Deletable).findOneBy({ id })).toBeNull();
});

it('a table that the application moves to another schema is asked for there', async () => {
  const metadata = fast.dataSource.getMetadata(Usual);
  const { tablePath } = metadata;
  await fast.repository(Usual).findOneBy({ id: 1 });
  metadata.tablePath = 'elsewhere.usual';
  const failure = await failureOf(fast.repository(Usual).findOneBy({ id: 1 }));
  metadata.tablePath = tablePath;

  expect(failure).toMatchObject({ message: 'relation "elsewhere.usual" does not exist' });
  expect(await fast.repository(Usual).findOneBy({ id: 1 })).toMatchObject({ title: 'title' });
});

it('a lazy relation of what was found by its key is loaded when it is asked for', async () => {
  const usual = (manager: EntityManager): Promise<Usual | undefined> =>
    manager.findOneBy(Lazy, { id: 1 }).then(async (lazy) => await lazy?.usual);

  expect(await usual(fast.dataSource.manager)).toMatchObject({ title: 'title' });
  expect(await fast.transactions.run(usual)).toMatchObject({ title: 'title' });
});
