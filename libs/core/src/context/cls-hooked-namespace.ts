import { createNamespace, getNamespace } from 'cls-hooked';
import type { ContextNamespace } from './context-namespace.js';
import type { Frame } from './frame.js';

const FRAME = 'nest-transactional.frame';

/** What a namespace of cls-hooked does here. Its own type would have to be installed for every type check of an application. */
export interface ClsHookedNamespace {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
  runAndReturn<T>(work: () => T): T;
}

/**
 * A namespace on cls-hooked, for applications that already have one: what they keep in it stays visible inside
 * transactions.
 *
 * @param namespace - the application's own namespace, or the name of one (created where there is none)
 * @example
 * ```ts
 * TransactionalModule.forRoot({ namespace: clsHookedNamespace('app') });
 * ```
 */
export function clsHookedNamespace(namespace: string | ClsHookedNamespace): ContextNamespace {
  const storage =
    typeof namespace === 'string' ? (getNamespace(namespace) ?? createNamespace(namespace)) : namespace;
  return {
    get frame() {
      return storage.get(FRAME) as Frame | undefined;
    },
    run(frame, work) {
      // cls-hooked marks what is thrown through it, which fails for primitives and frozen errors: nothing is.
      const result = storage.runAndReturn(() => {
        storage.set(FRAME, frame);
        return settled(work);
      });
      if ('thrown' in result) throw result.thrown;
      return result.value;
    },
  };
}

function settled<T>(work: () => T): { value: T } | { thrown: unknown } {
  try {
    return { value: work() };
  } catch (thrown) {
    return { thrown };
  }
}
