import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { createNamespace } from 'cls-hooked';
import { afterCommit, TransactionalModule, type ContextNamespace } from '@nest-transactional/core';
import { clsHookedNamespace } from '@nest-transactional/core/cls-hooked';
import { settle } from '../support/gate.js';
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

describe('what an application keeps in its own namespace', () => {
  it('is visible in transactions, and in hooks', async () => {
    const application = await start(clsHookedNamespace(own));
    const notes = application.get(Notes);
    const seen: unknown[] = [];
    await own.runAndReturn(async () => {
      own.set('user', 'ada');
      await notes.apart(async () => {
        await notes.write('a');
        seen.push(own.get('user'));
        afterCommit(() => seen.push(own.get('user')));
      });
    });
    await application.close();

    expect(seen).toEqual(['ada', 'ada']);
  });
});

describe('two applications on two namespaces', () => {
  let applications: [INestApplication, INestApplication];

  beforeAll(async () => {
    applications = [await start(), await start(clsHookedNamespace('second'))];
  });
  afterAll(() => Promise.all(applications.map((each) => each.close())));

  it.each([
    [0, 1],
    [1, 0],
  ])('register hooks with the innermost transaction, whosever it is (%i outside)', async (outer, inner) => {
    const [outside, inside] = [applications[outer]!.get(Notes), applications[inner]!.get(Notes)];
    const order: unknown[] = [];
    await outside.apart(async () => {
      await inside.hooked(order, async () => settle());
      order.push('inner has returned');
      afterCommit(() => order.push('outer'));
    });

    expect(order).toEqual(['outside', 'inner has returned', 'outer']);
  });

  it('have transactions that know nothing of each other', async () => {
    const [one, other] = applications.map((each) => each.get(Notes)) as [Notes, Notes];
    const work = one.transactions.run(async () => {
      await one.write('undone');
      expect(other.transactions.current).toBeUndefined();
      await other.write('kept');
      throw undo;
    });

    expect(await failureOf(work)).toBe(undo);
    expect(await database.notes()).toEqual(['kept']);
  });
});
