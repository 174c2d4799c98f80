/**
 * A merge patch is nested deeper than {@link applyMergePatch} goes.
 *
 * It carries what NestJS, Express and Fastify look for in an error, so that the answer is a 400.
 */
export class MergePatchDepthError extends Error {
  readonly status = 400;
  readonly statusCode = 400;
  /** Tells `http-errors` users that the message is meant for the client. */
  readonly expose = true;

  constructor(
    /** How many levels of objects a patch may have. */
    readonly maxDepth: number,
  ) {
    super(`The merge patch has more than ${maxDepth} levels of objects. Send a flatter one.`);
    this.name = 'MergePatchDepthError';
  }
}

/**
 * Applies a JSON merge patch: members that are `null` are removed, objects are merged, everything else is replaced.
 *
 * Neither argument changes; the result shares with them what it has in common. Only own members count, and a member called
 * `__proto__` is data as any other: no prototype is read or set.
 *
 * @param target A JSON value. An instance of a class is read as the object of its own members.
 * @param patch What `JSON.parse` made of the request's body.
 * @throws {@link MergePatchDepthError} for a patch with more than 100 levels of objects.
 * @see RFC 7396 §2
 * @example
 * ```ts
 * applyMergePatch({ name: 'Pen', note: 'blue' }, { name: 'Pencil', note: null }); // { name: 'Pencil' }
 * ```
 */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  return merge(target, patch, MAX_DEPTH);
}

function merge(target: unknown, patch: unknown, depthLeft: number): unknown {
  if (!isObject(patch)) return patch;
  if (depthLeft === 0) throw new MergePatchDepthError(MAX_DEPTH);
  // A map, and fromEntries, know no prototype: what is called __proto__ stays a member.
  const members = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, merge(members.get(name), value, depthLeft - 1));
  }
  return Object.fromEntries(members);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAX_DEPTH = 100;
