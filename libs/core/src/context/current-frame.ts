import type { ContextNamespace } from './context-namespace.js';
import { withoutBindings, type Frame } from './frame.js';

/** Shared by the ESM and the CommonJS copy of this package in one process. */
const IN_USE = Symbol.for('nest-transactional.namespaces');

/** Makes the frames of `namespace` known to code that was given no namespace: hooks, static methods. */
export function useNamespace(namespace: ContextNamespace): void {
  namespacesInUse().add(namespace);
}

/** The innermost frame of the running call tree, in whichever namespace it is. */
export function currentFrame(): Frame | undefined {
  let innermost: Frame | undefined;
  for (const { frame } of namespacesInUse()) {
    if (frame !== undefined && frame.openedAt >= (innermost?.openedAt ?? 0)) innermost = frame;
  }
  return innermost;
}

/**
 * Runs long-lived work that is started inside a transaction but must not belong to it: an interval, a lazily started
 * loop, a batcher or a queue that many requests share. Inside there is no transaction; what begins one begins its own.
 *
 * @returns what `work` returns
 * @example
 * ```ts
 * outsideTransaction(() => setInterval(() => void metrics.flush(), 10_000));
 * ```
 */
export function outsideTransaction<T>(work: () => T): T {
  const outside = [...namespacesInUse()].reduce((inner, namespace) => {
    const { frame } = namespace;
    return frame === undefined ? inner : () => namespace.run(withoutBindings(frame), inner);
  }, work);
  return outside();
}

function namespacesInUse(): Set<ContextNamespace> {
  const shared = globalThis as unknown as Record<symbol, Set<ContextNamespace> | undefined>;
  return (shared[IN_USE] ??= new Set());
}
