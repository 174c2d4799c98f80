import { Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';

/** A method of a class that Nest creates. */
export interface ExploredMethod {
  readonly className: string;
  readonly prototype: object;
  readonly name: string;
  /** Whether there is one instance for the whole application. */
  readonly isSingleton: boolean;
  /** Calls it on that instance. */
  readonly call: (...all: unknown[]) => unknown;
}

/** Finds the methods of all providers and controllers, to look for what decorators noted on them. */
@Injectable()
export class MethodExplorer {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  all(): readonly ExploredMethod[] {
    return [...this.discovery.getProviders(), ...this.discovery.getControllers()].flatMap((wrapper) => {
      const { metatype } = wrapper;
      const prototype =
        typeof metatype === 'function' ? (metatype.prototype as object | undefined) : undefined;
      // An alias stands for a provider that is in the list anyway; a factory has no methods of its own.
      if (prototype === undefined || wrapper.isAlias || wrapper.isFactory) return [];
      return this.scanner.getAllMethodNames(prototype).map((name) => ({
        className: metatype!.name,
        prototype,
        name,
        isSingleton: wrapper.isDependencyTreeStatic() && !wrapper.isTransient,
        call: (...all: unknown[]) =>
          (wrapper.instance as Record<string, (...all: unknown[]) => unknown>)[name]!(...all),
      }));
    });
  }
}
