import { Injectable, type OnModuleInit } from '@nestjs/common';
import { InvalidOptionsError, NoTransactionError } from '../errors.js';
import {
  afterCommit,
  afterCompletion,
  afterRollback,
  beforeCommit,
  scopeForHooks,
  type HookRegistration,
} from '../transaction/hook-registration.js';
import { MethodExplorer } from './method-explorer.js';
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

  constructor(private readonly methods: MethodExplorer) {}

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
    const byEvent = new Map<string, Listener[]>();
    for (const { className, prototype, name, isSingleton, call } of this.methods.all()) {
      for (const declaration of listenersOn(prototype, name)) {
        if (!isSingleton) throw notASingleton(className);
        byEvent.set(declaration.event, [...(byEvent.get(declaration.event) ?? []), { ...declaration, call }]);
      }
    }
    return byEvent;
  }
}

function bindToTransaction(listener: Listener, payload: unknown): void {
  const { phase = 'AFTER_COMMIT', robust, dataSource } = listener;
  REGISTER[phase](() => listener.call(payload), {
    ...(robust !== undefined && { robust }),
    ...(dataSource !== undefined && { dataSource }),
  });
}

function notASingleton(name: string): InvalidOptionsError {
  return new InvalidOptionsError(
    `${name} has a @TransactionalEventListener() method but is request-scoped or transient; there is no one instance to ` +
      `call. Make it a singleton.`,
    name,
  );
}
