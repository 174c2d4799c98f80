import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { unwrapResolverError } from '@apollo/server/errors';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { INestApplication } from '@nestjs/common';
import {
  Args,
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Parent,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { OptimisticLockError, Transactional } from '@nest-transactional/core';
import { listen } from '../transactions/application.js';
import { compileApplication, ErrorLog, type TransportParts } from './application.js';
import { DiaryDatabase, REFUSED_BY_COMMIT } from './diary-database.js';
import { Diary, type Page } from './diary.js';

@ObjectType()
class Surroundings {
  @Field(() => String, { nullable: true })
  requestId!: string | null;

  @Field()
  transaction!: string;
}

@ObjectType()
class Entry implements Page {
  @Field()
  text!: string;

  @Field(() => String, { nullable: true })
  requestId!: string | null;

  @Field()
  transaction!: string;

  @Field(() => [String])
  visible!: string[];
}

@Resolver(() => Entry)
class EntriesResolver {
  constructor(private readonly diary: Diary) {}

  @Query(() => Entry)
  read(@Args('text') text: string): Promise<Page> {
    return this.diary.write(text);
  }

  @Mutation(() => Entry, { nullable: true })
  write(@Args('text') text: string): Promise<Page> {
    return this.diary.write(text);
  }

  @Mutation(() => Entry, { nullable: true })
  spoil(@Args('text') text: string): Promise<Page> {
    return this.diary.spoil(text);
  }

  @Mutation(() => Entry, { nullable: true })
  async conflict(): Promise<Page | undefined> {
    await this.diary.collide('a');
    return undefined;
  }

  @Mutation(() => Entry)
  @Transactional()
  async above(@Args('text') text: string): Promise<Page> {
    const { transaction } = await this.diary.write(`${text}, first`);
    const page = await this.diary.write(text);
    return { ...page, transaction: page.transaction === transaction ? 'the same' : 'another' };
  }

  @Transactional()
  @Mutation(() => Entry)
  async below(@Args('text') text: string): Promise<Page> {
    return this.above(text);
  }

  @Query(() => Surroundings)
  surroundings(): Surroundings {
    return this.diary.surroundings();
  }

  @ResolveField(() => Surroundings)
  later(): Surroundings {
    return this.diary.surroundings();
  }

  @ResolveField(() => Surroundings)
  @Transactional()
  async laterInTransaction(@Parent() { text }: Page): Promise<Surroundings> {
    const { requestId, transaction } = await this.diary.write(`about ${text}`);
    return { requestId, transaction };
  }
}

/** As an application would tell its clients of conflicts, and of nothing else. */
const tellConflicts: NonNullable<ApolloDriverConfig['formatError']> = ({ path }, error) => {
  const cause = unwrapResolverError(error);
  return cause instanceof OptimisticLockError
    ? { message: 'Somebody else was faster.', path: path!, extensions: { code: cause.code } }
    : { message: 'Internal server error', path: path! };
};

interface Answer {
  readonly data: Record<string, (Page & Record<'later' | 'laterInTransaction', Surroundings>) | null> | null;
  readonly errors?: readonly { readonly message: string; readonly path: readonly string[] }[];
}

const PAGE = '{ text requestId transaction visible }';

const log = new ErrorLog();
let database: DiaryDatabase;

beforeAll(async () => {
  database = await DiaryDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

async function start(
  options: Pick<ApolloDriverConfig, 'fieldResolverEnhancers' | 'formatError'> = {},
  request: TransportParts['request'] = {},
): Promise<INestApplication> {
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    graphiql: false,
    ...options,
  });
  const imports = [graphql];
  const module = await compileApplication({ database, log, request, imports, providers: [EntriesResolver] });
  return module.createNestApplication();
}

async function ask(url: string, query: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

describe('over GraphQL', () => {
  let application: INestApplication;
  let diary: Diary;
  let url: string;

  beforeAll(async () => {
    application = await start();
    url = await listen(application);
    diary = application.get(Diary);
  });
  beforeEach(() => diary.forget());
  afterAll(() => application.close());

  it('a mutation is answered when its transaction is committed and its hooks have run', async () => {
    const { data, errors } = await ask(url, `mutation { write(text: "a") ${PAGE} }`);

    expect(errors).toBeUndefined();
    expect(data!['write']).toMatchObject({ text: 'a', visible: ['a'] });
    expect(await database.notes()).toEqual(['a']);
    expect(diary.seenByHooks.get('a')).toEqual(['a']);
  });

  it('a mutation that fails is rolled back, and told among the errors', async () => {
    const { data, errors } = await ask(url, `mutation { spoil(text: "a") ${PAGE} }`);

    expect(data).toEqual({ spoil: null });
    expect(errors).toMatchObject([{ message: 'out of ink', path: ['spoil'] }]);
    expect(await database.notes()).toEqual([]);
  });

  it('a COMMIT that fails is told, and runs no hook', async () => {
    const { data, errors } = await ask(url, `mutation { write(text: "${REFUSED_BY_COMMIT}") ${PAGE} }`);

    expect(data).toEqual({ write: null });
    expect(errors).toMatchObject([{ message: 'the diary is closed', path: ['write'] }]);
    expect(diary.seenByHooks.size).toBe(0);
  });

  it('the mutations of one operation come one after the other, each in its own transaction', async () => {
    const { data } = await ask(url, `mutation { a: write(text: "a") ${PAGE} b: write(text: "b") ${PAGE} }`);

    expect(data!['b']!.visible).toEqual(['a', 'b']);
    expect(data!['b']!.transaction).not.toBe(data!['a']!.transaction);
  });

  it('a mutation that fails leaves those before and after it in the operation committed', async () => {
    const { errors } = await ask(
      url,
      `mutation { a: write(text: "a") ${PAGE} b: spoil(text: "b") ${PAGE} c: write(text: "c") ${PAGE} }`,
    );

    expect(errors).toMatchObject([{ path: ['b'] }]);
    expect(await database.notes()).toEqual(['a', 'c']);
  });

  it('the query fields of one operation run at the same time, each in its own transaction', async () => {
    diary.overlap(3);
    const fields = ['a', 'b', 'c'].map((text) => `${text}: read(text: "${text}") ${PAGE}`);
    const { data } = await ask(url, `{ ${fields.join(' ')} }`);

    expect(Object.values(data!).map((page) => page!.visible)).toEqual([['a'], ['b'], ['c']]);
    expect(new Set(Object.values(data!).map((page) => page!.transaction)).size).toBe(3);
  });

  it('operations that come at the same time never see each other’s transaction', async () => {
    diary.overlap(5);
    const texts = ['a', 'b', 'c', 'd', 'e'];
    const answers = await Promise.all(
      texts.map((text) => ask(url, `mutation { write(text: "${text}") ${PAGE} }`)),
    );

    expect(answers.map(({ data }) => data!['write']!.visible)).toEqual(texts.map((text) => [text]));
    expect(new Set(answers.map(({ data }) => data!['write']!.transaction)).size).toBe(5);
    expect(new Set(answers.map(({ data }) => data!['write']!.requestId)).size).toBe(5);
  });

  it.each(['above', 'below'])('a resolver may be decorated itself, the decorator %s', async (mutation) => {
    const { data, errors } = await ask(url, `mutation { ${mutation}(text: "a") ${PAGE} }`);

    expect(errors).toBeUndefined();
    expect(data![mutation]).toMatchObject({ transaction: 'the same', visible: ['a', 'a, first'] });
  });

  it('a field of the answer is resolved after COMMIT, outside of the transaction', async () => {
    const { data } = await ask(
      url,
      `mutation { write(text: "a") { transaction later { transaction } laterInTransaction { transaction } } }`,
    );
    const { transaction, later, laterInTransaction } = data!['write']!;

    expect(later.transaction).toBe('none');
    expect(['none', transaction]).not.toContain(laterInTransaction.transaction);
    expect(diary.seenByHooks.get('about a')).toEqual(['a', 'about a']);
  });

  it('an operation is named by its header x-request-id', async () => {
    const { data } = await ask(url, `{ a: read(text: "a") ${PAGE} b: read(text: "b") ${PAGE} }`, {
      'x-request-id': 'req-1',
    });

    expect(Object.values(data!).map((page) => page!.requestId)).toEqual(['req-1', 'req-1']);
  });
});

describe('over GraphQL, as it is configured', () => {
  async function answerOf(query: string, ...options: Parameters<typeof start>): Promise<Answer> {
    const application = await start(...options);
    try {
      return await ask(await listen(application), query);
    } finally {
      await application.close();
    }
  }

  it('a field has a context where interceptors are called for fields, and no transaction unasked', async () => {
    const { data } = await answerOf(
      `mutation { write(text: "a") { later { requestId transaction } laterInTransaction { requestId } } }`,
      { fieldResolverEnhancers: ['interceptors'] },
    );

    expect(data!['write']).toEqual({
      later: { requestId: expect.any(String), transaction: 'none' },
      laterInTransaction: { requestId: expect.any(String) },
    });
  });

  it('an operation is in no transaction before it asks for one, although each HTTP request is', async () => {
    const { data } = await answerOf(`{ surroundings { requestId transaction } }`, {}, { mode: 'atomic' });

    expect(data).toEqual({ surroundings: { requestId: expect.any(String), transaction: 'none' } });
  });

  it('a conflict is told by its code, and other errors without their details', async () => {
    const { errors } = await answerOf(
      `mutation { conflict { text } write(text: "${REFUSED_BY_COMMIT}") { text } }`,
      { formatError: tellConflicts },
    );

    expect(errors).toMatchObject([
      { path: ['conflict'], extensions: { code: 'OPTIMISTIC_LOCK' } },
      { path: ['write'], message: 'Internal server error' },
    ]);
    expect(JSON.stringify(errors)).not.toContain('diary is closed');
  });
});
