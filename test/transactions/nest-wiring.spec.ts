import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type INestApplication } from '@nestjs/common';
import { ContextIdFactory } from '@nestjs/core';
import { getDataSourceToken, InjectDataSource, InjectEntityManager, InjectRepository } from '@nestjs/typeorm';
import { DataSource, EntityManager, Repository } from 'typeorm';
import {
  NotManagedError,
  Transactional,
  TransactionManager,
  UnexpectedRollbackError,
} from '@nest-transactional/core';
import { startApplication } from './application.js';
import { EnlistedDatabase, failureOf } from './enlisted-database.js';
import { Note } from './entities.js';

const undo = new Error('undo');

@Injectable()
class Notes {
  constructor(
    @InjectRepository(Note) readonly repository: Repository<Note>,
    @InjectEntityManager() readonly manager: EntityManager,
    @InjectDataSource() readonly dataSource: DataSource,
    readonly transactions: TransactionManager,
  ) {}

  @Transactional()
  async write(text: string): Promise<Note> {
    return await this.repository.save({ text });
  }

  @Transactional()
  async writeThenFail(text: string): Promise<void> {
    await this.write(text);
    throw undo;
  }

  @Transactional()
  async writeByEveryHandle(): Promise<void> {
    await this.write('self-call');
    await this.repository.insert({ text: 'repository' });
    await this.manager.insert(Note, { text: 'manager' });
    await this.dataSource.query(`INSERT INTO note (text) VALUES ('data source')`);
    await this.transactions.run((em) => em.insert(Note, { text: 'run' }));
    throw undo;
  }

  @Transactional({ propagation: 'MANDATORY' })
  async onlyInside(): Promise<string> {
    return this.transactions.current!.id;
  }
}

@Injectable()
class Archive extends Notes {
  @Transactional()
  async archive(text: string): Promise<string[]> {
    await this.write(text);
    return [this.transactions.current!.id, await this.onlyInside()];
  }
}

@Injectable({ scope: Scope.REQUEST })
class RequestNotes extends Notes {}

@Injectable({ scope: Scope.TRANSIENT })
class TransientNotes extends Notes {}

@Injectable()
class Outer {
  constructor(
    readonly notes: Notes,
    readonly transient: TransientNotes,
  ) {}

  @Transactional()
  async catchTheInner(): Promise<void> {
    await this.notes.write('outer');
    await this.notes.writeThenFail('inner').catch(() => undefined);
  }

  @Transactional()
  async writeWithBothThenFail(): Promise<void> {
    await this.notes.write('singleton');
    await this.transient.write('transient');
    throw undo;
  }
}

@Injectable()
class Statics {
  static repository: Repository<Note>;

  @Transactional()
  static async write(text: string, failure?: Error): Promise<void> {
    await this.repository.insert({ text });
    if (failure) throw failure;
  }
}

const PROVIDERS = [Notes, Archive, RequestNotes, TransientNotes, Outer];
let database: EnlistedDatabase;
let application: INestApplication;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ providers: PROVIDERS });
});
beforeEach(() => database.empty());
afterAll(async () => {
  await application.close();
  await database.close();
});

describe.each<[string, () => Promise<Notes>]>([
  ['a singleton', async () => application.get(Notes)],
  ['a subclass', async () => application.get(Archive)],
  ['a request-scoped provider', () => application.resolve(RequestNotes, ContextIdFactory.create())],
  ['a transient provider', () => application.resolve(TransientNotes)],
])('%s', (_name, get) => {
  it('commits what its method wrote, and returns the result', async () => {
    const notes = await get();

    expect(await notes.write('a')).toMatchObject({ text: 'a', id: expect.any(Number) });
    expect(await database.notes()).toEqual(['a']);
  });

  it('undoes what its method wrote, through whatever handle', async () => {
    const notes = await get();

    expect(await failureOf(notes.writeByEveryHandle())).toBe(undo);
    expect(await failureOf(notes.writeThenFail('a'))).toBe(undo);
    expect(await database.notes()).toEqual([]);
  });
});

describe('services that call each other', () => {
  it('share one transaction', async () => {
    expect(await failureOf(application.get(Outer).writeWithBothThenFail())).toBe(undo);

    expect(await database.notes()).toEqual([]);
  });

  it('cannot save what an inner one has failed to do', async () => {
    const failure = await failureOf(application.get(Outer).catchTheInner());

    expect(failure).toBeInstanceOf(UnexpectedRollbackError);
    expect(failure.transaction).toContain('(Outer.catchTheInner)');
    expect(failure.cause).toBe(undo);
    expect(await database.notes()).toEqual([]);
  });

  it('share it also from a method of a subclass to those it inherits', async () => {
    const [own, inherited] = await application.get(Archive).archive('a');

    expect(own).toBe(inherited);
    expect(await database.notes()).toEqual(['a']);
  });
});

describe('an object that Nest did not create', () => {
  const made = (): Notes => {
    const { repository, manager, dataSource, transactions } = application.get(Notes);
    return new Notes(repository, manager, dataSource, transactions);
  };

  it('is refused by a rejection that names the method and the remedy', async () => {
    const refused = made().write('a');
    const failure = await failureOf(refused);

    expect(failure).toBeInstanceOf(NotManagedError);
    expect(failure).toMatchObject({ method: 'Notes.write', outcome: 'not-started' });
    expect(await database.notes()).toEqual([]);
  });

  it('uses the manager of the context that surrounds the call', async () => {
    const transactions = application.get(TransactionManager);
    await transactions.withContext(() => made().write('in a context'));
    const work = transactions.run(async () => {
      await made().write('joined');
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await database.notes()).toEqual(['in a context']);
  });
});

describe('a static method', () => {
  beforeAll(() => {
    Statics.repository = application.get(Notes).repository;
  });

  it('needs a context', async () => {
    expect(await failureOf(Statics.write('a'))).toMatchObject({
      code: 'NOT_MANAGED',
      method: 'Statics.write',
    });
  });

  it('is transactional in one', async () => {
    const transactions = application.get(TransactionManager);
    await transactions.withContext(() => Statics.write('a'));
    expect(await failureOf(transactions.withContext(() => Statics.write('b', undo)))).toBe(undo);

    expect(await database.notes()).toEqual(['a']);
  });
});

describe('two applications in one process, with data sources of one name', () => {
  let other: INestApplication;

  beforeAll(async () => {
    other = await startApplication({ providers: PROVIDERS });
  });
  afterAll(() => other.close());

  it('have each a manager and a data source', () => {
    expect(other.get(TransactionManager)).not.toBe(application.get(TransactionManager));
    expect(other.get(getDataSourceToken())).not.toBe(application.get(getDataSourceToken()));
  });

  it('never meet: what one writes inside the other’s transaction is its own', async () => {
    const work = application.get(TransactionManager).run(async () => {
      await application.get(Notes).write('undone');
      expect(other.get(TransactionManager).current).toBeUndefined();
      await other.get(Notes).write('kept');
      await other.get(Notes).repository.insert({ text: 'kept, too' });
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await database.notes()).toEqual(['kept', 'kept, too']);
  });
});
