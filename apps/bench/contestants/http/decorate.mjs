/**
 * @typedef {object} Decorations
 * @property {readonly ClassDecorator[]} itself
 * @property {readonly ParameterDecorator[]} [injected] one for each parameter of the constructor
 * @property {Record<string, { does: readonly MethodDecorator[], takes?: readonly ParameterDecorator[] }>} [methods]
 */

/**
 * By hand what TypeScript does for decorators: parameters before their method, methods before the class, the last one first.
 *
 * @param {Function} target a class
 * @param {Decorations} decorations
 */
export function decorate(target, { itself, injected = [], methods = {} }) {
  const { prototype } = target;
  for (const [name, { does, takes = [] }] of Object.entries(methods)) {
    takes.forEach((parameter, index) => parameter(prototype, name, index));
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    for (const decorator of does.toReversed()) decorator(prototype, name, descriptor);
    Object.defineProperty(prototype, name, descriptor);
  }
  injected.forEach((parameter, index) => parameter(target, undefined, index));
  for (const decorator of itself.toReversed()) decorator(target);
}
