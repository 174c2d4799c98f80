import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, SetMetadata, type INestApplication } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import {
  InvalidOptionsError,
  Transactional,
  TransactionManager,
  type TransactionOptions,
  type TransactionStatus,
} from '@nest-transactional/core';
import { startApplication } from './application.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

const Tagged = (): MethodDecorator => (_target, _key, descriptor) => {
  Object.assign(descriptor.value as object, { tag: 'own property' });
};

/** Another decorator that wraps the method, as caches and tracers do. */
const Traced = (): MethodDecorator => (_target, _key, descriptor) => {
  const method = descriptor.value as unknown as (...all: unknown[]) => unknown;
  const wrapper = function (this: unknown, ...all: unknown[]): unknown {
    traced.push(method.name);
    return method.apply(this, all);
  };
  Object.defineProperty(wrapper, 'name', { value: method.name });
  for (const key of Reflect.getMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, method), wrapper);
  }
  descriptor.value = wrapper as never;
};

const traced: string[] = [];

@Injectable()
class Decorated {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly transactions: TransactionManager,
  ) {}

  @SetMetadata('above', 1)
  @Tagged()
  @Transactional()
  async above(_first: string, _second: string): Promise<void> {}

  @Transactional()
  @SetMetadata('below', 2)
  @Tagged()
  async below(_first: string, _second: string): Promise<void> {}

  @Traced()
  @Transactional()
  async tracedOutside(text: string): Promise<void> {
    await this.notes.insert({ text });
    throw new Error('undo');
  }

  @Transactional()
  @Traced()
  async tracedInside(text: string): Promise<void> {
    await this.notes.insert({ text });
    throw new Error('undo');
  }

  @Transactional()
  async context(...all: unknown[]): Promise<unknown[]> {
    return [this, ...all];
  }

  @Transactional()
  synchronous(): TransactionStatus | undefined {
    return this.transactions.current;
  }

  @Transactional()
  synchronousFailure(): void {
    throw new Error('no');
  }
}

@Injectable()
@Transactional({ isolation: 'SERIALIZABLE', readOnly: true, label: 'of the class' })
class WholeClass {
  constructor(readonly transactions: TransactionManager) {}

  async plain(): Promise<TransactionStatus | undefined> {
    return this.transactions.current;
  }

  @Transactional({ isolation: 'REPEATABLE READ', label: 'of the method' })
  async withOptions(): Promise<TransactionStatus | undefined> {
    return this.transactions.current;
  }

  @Transactional({ propagation: 'NOT_SUPPORTED' })
  async apart(): Promise<TransactionStatus | undefined> {
    return this.transactions.current;
  }

  get description(): string {
    return 'not a method';
  }
}

@Injectable()
class Subclass extends WholeClass {
  async undecorated(): Promise<TransactionStatus | undefined> {
    return this.transactions.current;
  }
}

let database: EnlistedDatabase;
let application: INestApplication;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: [Decorated, WholeClass, Subclass] });
});
beforeEach(() => database.empty());
afterAll(async () => {
  await application.close();
  await database.close();
});

describe('a decorated method', () => {
  const { prototype } = Decorated;
  const metadataOf = (name: 'above' | 'below', key: string): unknown =>
    Reflect.getMetadata(key, prototype[name]);

  it.each(['above', 'below'] as const)('keeps its name, its length and its own properties (%s)', (name) => {
    expect(prototype[name].name).toBe(name);
    expect(prototype[name]).toHaveLength(2);
    expect(prototype[name]).toHaveProperty('tag', 'own property');
  });

  it('keeps its metadata, from decorators above and below', () => {
    expect(metadataOf('above', 'above')).toBe(1);
    expect(metadataOf('below', 'below')).toBe(2);
    expect(Reflect.getMetadata('design:paramtypes', prototype, 'below')).toEqual([String, String]);
  });

  it('can be wrapped by others, outside and inside', async () => {
    const decorated = application.get(Decorated);
    await failureOf(decorated.tracedOutside('a'));
    await failureOf(decorated.tracedInside('b'));

    expect(traced).toEqual(['tracedOutside', 'tracedInside']);
    expect(await database.notes()).toEqual([]);
  });

  it('gets its object and all its arguments', async () => {
    const decorated = application.get(Decorated);

    expect(await decorated.context(1, undefined, 'c')).toEqual([decorated, 1, undefined, 'c']);
  });

  it('may be synchronous: it returns a promise, and what it throws is a rejection', async () => {
    const decorated = application.get(Decorated);
    const status = decorated.synchronous() as unknown as Promise<TransactionStatus>;
    expect(status).toBeInstanceOf(Promise);
    expect(await status).toMatchObject({ label: 'Decorated.synchronous' });

    await expect(decorated.synchronousFailure()).rejects.toThrow('no');
  });
});

describe('a decorated class', () => {
  it('gives its options to each of its methods', async () => {
    expect(await application.get(WholeClass).plain()).toMatchObject({
      label: 'of the class',
      isolation: 'SERIALIZABLE',
      readOnly: true,
    });
  });

  it('lets a method’s own options win, one by one', async () => {
    expect(await application.get(WholeClass).withOptions()).toMatchObject({
      label: 'of the method',
      isolation: 'REPEATABLE READ',
      readOnly: true,
    });
  });

  it('leaves accessors as they are', () => {
    expect(application.get(WholeClass).description).toBe('not a method');
  });

  it('decorates no method that only a subclass declares', async () => {
    const subclass = application.get(Subclass);

    expect(await subclass.undecorated()).toBeUndefined();
    expect(await subclass.plain()).toMatchObject({ label: 'of the class' });
  });
});

describe('what makes no sense is refused while the decorator is evaluated', () => {
  it.each<[string, unknown]>([
    ['propagation', { propagation: 'REQUIRE' }],
    ['isolationLevel', { isolationLevel: 'SERIALIZABLE' }],
  ])('the option %s', (option, options) => {
    const evaluate = (): unknown => Transactional(options as TransactionOptions);

    expect(evaluate).toThrow(InvalidOptionsError);
    expect(evaluate).toThrow(option);
  });

  it('a property that is not a method', () => {
    const target = { answer: 42 };
    const decorate = (): unknown =>
      Transactional()(target, 'answer', Object.getOwnPropertyDescriptor(target, 'answer')!);

    expect(decorate).toThrow('only a method can be transactional');
  });
});
