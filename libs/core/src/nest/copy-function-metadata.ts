import 'reflect-metadata';

/**
 * Makes `to` look like `from`: name, length, own properties and reflected metadata, so that routes, guards, pipes and
 * OpenAPI see the method they were put on, in whichever order the decorators stand.
 */
export function copyFunctionMetadata(from: object, to: object): void {
  for (const key of Reflect.ownKeys(from)) {
    if (key === 'prototype') continue;
    Object.defineProperty(to, key, Object.getOwnPropertyDescriptor(from, key)!);
  }
  for (const key of Reflect.getOwnMetadataKeys(from) as unknown[]) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, from), to);
  }
}
