import { describe, expect, it } from '@jest/globals';
import { gate } from '../../../../test/support/gate.js';
import { Hooks } from './hooks.js';

const failure = new Error('no');
const fail = (): never => {
  throw failure;
};

describe('hooks of one phase', () => {
  it('run in the order in which they were registered, and no other phase’s', async () => {
    const hooks = new Hooks();
    const order: string[] = [];
    hooks.register('afterCommit', () => order.push('first'));
    hooks.register('afterRollback', () => order.push('of another phase'));
    hooks.register('afterCommit', () => order.push('second'));

    expect(await hooks.runAll('afterCommit', 'committed')).toEqual([]);
    expect(order).toEqual(['first', 'second']);
  });

  it.each(['runAll', 'runStrictly'] as const)('are awaited, each before the next one (%s)', async (run) => {
    const hooks = new Hooks();
    const order: string[] = [];
    const first = gate();
    hooks.register('beforeCommit', () => first.opened.then(() => order.push('first')));
    hooks.register('beforeCommit', () => order.push('second'));
    const running = hooks[run]('beforeCommit', 'committed');
    order.push('waiting');
    first.open();
    await running;

    expect(order).toEqual(['waiting', 'first', 'second']);
  });

  it('hear the outcome', async () => {
    const hooks = new Hooks();
    const heard: string[] = [];
    hooks.register('afterCompletion', (outcome) => heard.push(outcome));
    await hooks.runAll('afterCompletion', 'unknown');

    expect(heard).toEqual(['unknown']);
  });

  it('do not stop each other: all failures are told, with what is robust', async () => {
    const hooks = new Hooks();
    const order: string[] = [];
    hooks.register('afterCommit', fail);
    hooks.register('afterCommit', () => Promise.reject(failure), { robust: true });
    hooks.register('afterCommit', () => order.push('last'));

    expect(await hooks.runAll('afterCommit', 'committed')).toEqual([
      { error: failure, isRobust: false },
      { error: failure, isRobust: true },
    ]);
    expect(order).toEqual(['last']);
  });

  it('stop at the first failure where they are run strictly', async () => {
    const hooks = new Hooks();
    const order: string[] = [];
    hooks.register('beforeCommit', fail);
    hooks.register('beforeCommit', () => order.push('never'));

    await expect(hooks.runStrictly('beforeCommit', 'committed')).rejects.toBe(failure);
    expect(order).toEqual([]);
  });

  it('may register further ones, which run after those that wait, where they are run strictly', async () => {
    const hooks = new Hooks();
    const order: string[] = [];
    hooks.register('beforeCommit', () => {
      order.push('first');
      hooks.register('beforeCommit', () => order.push('of the first'));
    });
    hooks.register('beforeCommit', () => order.push('second'));
    await hooks.runStrictly('beforeCommit', 'committed');

    expect(order).toEqual(['first', 'second', 'of the first']);
  });
});

it('those of a released savepoint are run by its parent, behind its own, and only by it', async () => {
  const [parent, savepoint] = [new Hooks(), new Hooks()];
  const order: string[] = [];
  parent.register('afterCommit', () => order.push('parent'));
  savepoint.register('afterCommit', () => order.push('savepoint'));
  parent.adopt(savepoint);
  await savepoint.runAll('afterCommit', 'committed');
  await parent.runAll('afterCommit', 'committed');

  expect(order).toEqual(['parent', 'savepoint']);
});
