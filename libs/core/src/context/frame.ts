/**
 * What one level of a call tree knows about its surroundings. Frames are frozen: opening a level makes a *new* frame
 * and runs the level in it, so nothing is ever set and restored, and parallel branches cannot see each other.
 */
export interface Frame {
  /** Names the request (or message, or job) that everything below belongs to. */
  readonly requestId: string | undefined;
  /** Whose frame this is; the floors above put the transaction manager here. */
  readonly owner: unknown;
  /** When it was opened, on the process's own clock: of two namespaces' frames, the later one is the inner one. */
  readonly openedAt: number;
  /** What surrounds work that was started here but must not belong to it; only who waits for whom is told by it. */
  readonly setAside: Binding | undefined;
  /** The innermost binding; the list holds each key at most once, so it never grows with the depth of calls. */
  readonly binding: Binding | undefined;
}

export interface Binding {
  readonly key: object;
  readonly value: unknown;
  readonly next: Binding | undefined;
  /** Whether it only says something about the level that it is in, and opens none of its own. */
  readonly isNote: boolean;
}

/** A frame that knows nothing. */
export function rootFrame(): Frame {
  return Object.freeze({
    requestId: undefined,
    owner: undefined,
    openedAt: performance.now(),
    setAside: undefined,
    binding: undefined,
  });
}

/** A copy of `frame` that belongs to `owner`, and to the request `requestId` unless that is left out. */
export function withOwner(frame: Frame, owner: unknown, requestId: string | undefined): Frame {
  return Object.freeze({
    ...frame,
    owner,
    requestId: requestId ?? frame.requestId,
    openedAt: performance.now(),
  });
}

/** A copy of `frame` in which `key` is bound to `value`. */
export function bind(frame: Frame, key: object, value: unknown): Frame {
  const next = without(frame.binding, key);
  return Object.freeze({
    ...frame,
    openedAt: performance.now(),
    binding: Object.freeze({ key, value, next, isNote: false }),
  });
}

/** A copy of `frame` that says something more, and opens no level: it is no more inner than `frame` is. */
export function annotate(frame: Frame | undefined, key: object, value: unknown): Frame {
  const next = without(frame?.binding, key);
  const binding = Object.freeze({ key, value, next, isNote: true });
  return Object.freeze(
    frame === undefined ? { ...rootFrame(), openedAt: 0, binding } : { ...frame, binding },
  );
}

/** A copy of `frame` in which nothing is bound. */
export function withoutBindings(frame: Frame): Frame {
  return Object.freeze({
    ...frame,
    openedAt: performance.now(),
    setAside: frame.binding,
    binding: undefined,
  });
}

/** What `key` is bound to in `frame`, or `undefined`. */
export function lookup(frame: Frame | undefined, key: object): unknown {
  return find(frame?.binding, key);
}

/** What `key` was bound to in `frame` before its bindings were set aside. */
export function lookupAside(frame: Frame | undefined, key: object): unknown {
  return find(frame?.setAside, key);
}

function find(list: Binding | undefined, key: object): unknown {
  let binding = list;
  while (binding !== undefined && binding.key !== key) binding = binding.next;
  return binding?.value;
}

function without(list: Binding | undefined, key: object): Binding | undefined {
  if (list === undefined) return undefined;
  if (list.key === key) return list.next;
  const next = without(list.next, key);
  return next === list.next ? list : Object.freeze({ ...list, next });
}
