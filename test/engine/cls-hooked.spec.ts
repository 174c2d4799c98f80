import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { createNamespace } from 'cls-hooked';
import { lastValueFrom } from 'rxjs';
import { outsideTransaction, TransactionalModule, type ContextNamespace } from '@nest-transactional/core';
import { clsHookedNamespace } from '@nest-transactional/core/cls-hooked';
import { gate } from '../support/gate.js';
import { startApplication } from '../transactions/application.js';
import { EnlistedDatabase, failureOf } from '../transactions/enlisted-database.js';
import { Notes } from './namespaced-notes.js';

const undo = new Error('undo');
const own = createNamespace('own');

let database: EnlistedDatabase;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
});
beforeEach(() => database.empty());
afterAll(() => database.close());

const start = (namespace?: ContextNamespace): Promise<INestApplication> =>
  startApplication({
    providers: [Notes],
    transactional: [TransactionalModule.forRoot(namespace && { namespace })],
  });

describe.each<[string, () => ContextNamespace]>([
  ['by name', () => clsHookedNamespace('by name')],
  ['of the application', () => clsHookedNamespace(own)],
])('on a cls-hooked namespace %s', (_which, namespace) => {
  let application: INestApplication;
  let notes: Notes;

  beforeAll(async () => {
    application = await start(namespace());
    notes = application.get(Notes);
    Notes.repository = notes.repository;
  });
  afterAll(() => application.close());

  const run = <T>(work: () => Promise<T>): Promise<T> => notes.transactions.run(work);

  it('a method commits, and is undone when it fails', async () => {
    await notes.write('kept');
    expect(await failureOf(notes.write('undone', undo))).toBe(undo);

    expect(await database.notes()).toEqual(['kept']);
    expect(notes.transactions.current).toBeUndefined();
  });

  it('calls join, also in parallel', async () => {
    const ids = await run(async () => [
      notes.transactions.current!.id,
      ...(await Promise.all([notes.write('a'), notes.write('b')])),
    ]);

    expect(new Set(ids).size).toBe(1);
  });

  it('a call that stands apart suspends the outer one for exactly that call', async () => {
    const [innerIsIn, siblingHasWritten] = [gate(), gate()];
    const work = run(async () => {
      await Promise.all([
        notes.apart(async () => {
          innerIsIn.open();
          await siblingHasWritten.opened;
          await notes.repository.insert({ text: 'apart' });
        }),
        (async () => {
          await innerIsIn.opened;
          await notes.repository.insert({ text: 'sibling' });
          siblingHasWritten.open();
        })(),
      ]);
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await database.notes()).toEqual(['apart']);
  });

  it('savepoints are undone alone', async () => {
    await run(async () => {
      await notes.write('outer');
      expect(await failureOf(notes.nested('inner', undo))).toBe(undo);
    });

    expect(await database.notes()).toEqual(['outer']);
  });

  it('hooks find their transaction, and run outside of it', async () => {
    const order: unknown[] = [];
    await notes.hooked(order);

    expect(order).toEqual(['outside']);
  });

  it('static methods find their application', async () => {
    await notes.transactions.withContext(() => Notes.writeStatically('a'));
    expect(await failureOf(run(() => Notes.writeStatically('b', undo)))).toBe(undo);

    expect(await database.notes()).toEqual(['a']);
  });

  it('generators and Observables are transactional to their end', async () => {
    const generator = notes.each('a', 'b');
    const ids = [(await generator.next()).value, (await generator.next()).value];
    expect(await database.notes()).toEqual([]);
    await generator.next();
    await lastValueFrom(notes.observed('c', 'd'));

    expect(ids[0]).toBe(ids[1]);
    expect(await database.notes()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('late work is refused', async () => {
    const end = gate();
    const { late } = await run(async () => ({
      late: failureOf(end.opened.then(() => notes.repository.insert({ text: 'late' }))),
    }));
    end.open();

    expect(await late).toMatchObject({ code: 'TRANSACTION_ENDED' });
    expect(await database.notes()).toEqual([]);
  });

  it('long-lived work can be started outside', async () => {
    const work = run(async () => {
      await outsideTransaction(() => notes.write('kept'));
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await database.notes()).toEqual(['kept']);
  });

  it('two hundred interleaved calls never meet', async () => {
    const ids = await Promise.all(Array.from({ length: 200 }, (_, number) => notes.write(`${number}`)));

    expect(new Set(ids).size).toBe(200);
    expect(await database.notes()).toHaveLength(200);
  });
});
