import { once } from 'node:events';

/** Has everything swept that the tests left, and waits until it is. */
export default async function stopForTests() {
  /** @type {import('node:child_process').ChildProcess | undefined} */
  const sweeper = Reflect.get(globalThis, Symbol.for('test sweeper'));
  if (!sweeper) return;
  sweeper.ref();
  const swept = once(sweeper, 'close');
  sweeper.stdin?.end();
  await swept;
}
