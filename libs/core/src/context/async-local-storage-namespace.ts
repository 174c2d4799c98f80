import { AsyncLocalStorage } from 'node:async_hooks';
import type { ContextNamespace } from './context-namespace.js';
import type { Frame } from './frame.js';

/**
 * The default namespace, on Node's AsyncLocalStorage. Two namespaces of one name share their storage, also between the
 * ESM and the CommonJS copy of this package in one process, so a transaction opened by one is joined by the other.
 *
 * @param name - Which storage to share. @defaultValue `'default'`
 * @example
 * ```ts
 * TransactionalModule.forRoot({ namespace: asyncLocalStorageNamespace() });
 * ```
 */
export function asyncLocalStorageNamespace(name = 'default'): ContextNamespace {
  const storage = sharedStorage(Symbol.for(`nest-transactional.namespace.${name}`));
  return {
    get frame() {
      return storage.getStore();
    },
    run: (frame, work) => storage.run(frame, work),
  };
}

function sharedStorage(key: symbol): AsyncLocalStorage<Frame> {
  const shared = globalThis as unknown as Record<symbol, AsyncLocalStorage<Frame> | undefined>;
  return (shared[key] ??= new AsyncLocalStorage<Frame>());
}
