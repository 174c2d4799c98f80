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
    return [...this.#methodsOf(this.discovery.getProviders()), ...this.ofControllers()];
  }

  ofControllers(): readonly ExploredMethod[] {
    return this.#methodsOf(this.discovery.getControllers());
  }

  #methodsOf(wrappers: readonly Wrapper[]): ExploredMethod[] {
    return wrappers.flatMap((wrapper) => {
      const prototype = prototypeOf(wrapper);
      // An alias stands for a provider that is in the list anyway.
      if (prototype === undefined || wrapper.isAlias) return [];
      return this.scanner.getAllMethodNames(prototype).map((name) => ({
        className: prototype.constructor.name,
        prototype,
        name,
        isSingleton: wrapper.isDependencyTreeStatic() && !wrapper.isTransient,
        call: (...all: unknown[]) =>
          (wrapper.instance as Record<string, (...all: unknown[]) => unknown>)[name]!(...all),
      }));
    });
  }
}

/** Of what a factory made, or a given value, only the instance tells the class. */
function prototypeOf({ metatype, instance, isFactory, isNotMetatype }: Wrapper): object | undefined {
  if (!isFactory && !isNotMetatype) return (metatype as { prototype?: object } | null)?.prototype;
  if (typeof instance !== 'object' || instance === null) return undefined;
  return (Object.getPrototypeOf(instance) as object | null) ?? undefined;
}

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
