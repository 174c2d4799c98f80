import { AsyncLocalStorage } from 'node:async_hooks';
import type { ContextNamespace } from './context-namespace.js';
import type { Frame } from './frame.js';

/**
 * The default namespace, on Node's AsyncLocalStorage. There is one of each name in the process, shared by the ESM and the
 * CommonJS copy of this package, so a transaction opened by one is joined by the other.
 *
 * @param name - Which one. @defaultValue `'default'`
 * @example
 * ```ts
 * TransactionalModule.forRoot({ namespace: asyncLocalStorageNamespace() });
 * ```
 */
export function asyncLocalStorageNamespace(name = 'default'): ContextNamespace {
  const shared = globalThis as unknown as Record<symbol, ContextNamespace | undefined>;
  return (shared[Symbol.for(`nest-transactional.namespace.${name}`)] ??= namespaceOn(
    new AsyncLocalStorage<Frame>(),
  ));
}

function namespaceOn(storage: AsyncLocalStorage<Frame>): ContextNamespace {
  return {
    get frame() {
      return storage.getStore();
    },
    run: (frame, work) => storage.run(frame, work),
  };
}
