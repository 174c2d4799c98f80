import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { InvalidOptionsError, NoTransactionError } from '../errors.js';
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  beforeCommit,
  scopeForHooks,
  type HookRegistration,
} from '../transaction/hook-registration.js';
import {
  listenersOn,
  type EventPhase,
  type ListenerDeclaration,
} from './transactional-event-listener.decorator.js';

interface Listener extends ListenerDeclaration {
  readonly call: (payload: unknown) => unknown;
}

const REGISTER: Readonly<Record<EventPhase, (hook: () => unknown, options: HookRegistration) => void>> = {
  BEFORE_COMMIT: beforeCommit,
  AFTER_COMMIT: afterCommit,
  AFTER_ROLLBACK: afterRollback,
  AFTER_COMPLETION: afterCompletion,
};

/**
 * Publishes events that listeners hear at a chosen moment of the current transaction.
 *
 * @example
 * ```ts
 * await this.events.publish('order.placed', { id: order.id });
 * ```
 */
@Injectable()
export class TransactionalEvents implements OnModuleInit {
  #listeners: ReadonlyMap<string, readonly Listener[]> | undefined;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  /** Finds the listeners at start, so that one that cannot work is an error then, and not at the first event. */
  onModuleInit(): void {
    this.#listeners ??= this.#discover();
  }

  /**
   * Binds an event to the current transaction, for each of its listeners. Where none surrounds the call, listeners with
   * `fallbackExecution` are called at once, and awaited.
   *
   * @throws NoTransactionError when no transaction surrounds the call and a listener has no `fallbackExecution`
   * @throws TransactionEndedError when the transaction has ended
   */
  async publish(event: string, payload?: unknown): Promise<void> {
    this.#listeners ??= this.#discover();
    const listeners = this.#listeners.get(event) ?? [];
    const homeless = listeners.filter(({ dataSource }) => scopeForHooks(dataSource) === undefined);
    if (homeless.some(({ fallbackExecution }) => fallbackExecution !== true)) {
      throw new NoTransactionError(`publish('${event}')`);
    }
    for (const listener of listeners) {
      if (homeless.includes(listener)) await listener.call(payload);
      else bindToTransaction(listener, payload);
    }
  }

  #discover(): Map<string, Listener[]> {
    const found = [...this.discovery.getProviders(), ...this.discovery.getControllers()].flatMap(
      (wrapper) => {
        const { metatype } = wrapper;
        if (typeof metatype !== 'function' || wrapper.isAlias) return [];
        const declared = this.#declaredOn(metatype.prototype as object | undefined);
        if (declared.length > 0 && !wrapper.isDependencyTreeStatic()) throw notASingleton(metatype.name);
        return declared.map(({ method, ...listener }) => ({
          ...listener,
          call: (payload: unknown) =>
            (wrapper.instance as Record<string, (payload: unknown) => unknown>)[method]!(payload),
        }));
      },
    );
    return groupedByEvent(found);
  }

  #declaredOn(prototype: object | undefined): readonly (ListenerDeclaration & { method: string })[] {
    if (prototype === undefined) return [];
    return this.scanner
      .getAllMethodNames(prototype)
      .flatMap((method) => listenersOn(prototype, method).map((listener) => ({ ...listener, method })));
  }
}

function bindToTransaction(listener: Listener, payload: unknown): void {
  const { phase = 'AFTER_COMMIT', robust, dataSource } = listener;
  REGISTER[phase](() => listener.call(payload), {
    ...(robust !== undefined && { robust }),
    ...(dataSource !== undefined && { dataSource }),
  });
}

function groupedByEvent(listeners: readonly Listener[]): Map<string, Listener[]> {
  const byEvent = new Map<string, Listener[]>();
  for (const listener of listeners)
    byEvent.set(listener.event, [...(byEvent.get(listener.event) ?? []), listener]);
  return byEvent;
}

function notASingleton(name: string): InvalidOptionsError {
  return new InvalidOptionsError(
    `${name} has a @TransactionalEventListener() method but is request-scoped or transient; there is no one instance to ` +
      `call. Make it a singleton.`,
    name,
  );
}
