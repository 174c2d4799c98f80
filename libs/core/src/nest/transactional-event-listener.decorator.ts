import { InvalidOptionsError } from '../errors.js';
import { aBoolean, aString, checkOptions, oneOf, type Schema } from '../transaction/check-options.js';

export type EventPhase = 'BEFORE_COMMIT' | 'AFTER_COMMIT' | 'AFTER_ROLLBACK' | 'AFTER_COMPLETION';

/** When a transactional event listener hears of an event. */
export interface TransactionalEventListenerOptions {
  /** The moment in the publisher's transaction. @defaultValue `'AFTER_COMMIT'` */
  readonly phase?: EventPhase;
  /** Whether the listener is called at once when no transaction surrounds the publisher. @defaultValue `false` */
  readonly fallbackExecution?: boolean;
  /** Whether a failure after COMMIT is only logged, and not told to the caller. @defaultValue `false` */
  readonly robust?: boolean;
  /** The data source whose transaction is meant. @defaultValue the default one */
  readonly dataSource?: string;
}

/** A listener as the decorator notes it on the method. */
export interface ListenerDeclaration extends TransactionalEventListenerOptions {
  readonly event: string;
}

const OPTIONS: Schema<TransactionalEventListenerOptions> = {
  phase: oneOf('BEFORE_COMMIT', 'AFTER_COMMIT', 'AFTER_ROLLBACK', 'AFTER_COMPLETION'),
  fallbackExecution: aBoolean,
  robust: aBoolean,
  dataSource: aString,
};

const LISTENERS = 'nest-transactional:event-listeners';

/**
 * Calls the method with what `TransactionalEvents.publish()` publishes under `event`, at `phase` of the publisher's
 * transaction: BEFORE_COMMIT inside it (a failure rolls back), the others after its end. A listener of an event that a
 * savepoint published hears nothing when that is rolled back.
 *
 * @throws InvalidOptionsError at once, for an unknown option
 * @see https://docs.spring.io/spring-framework/reference/data-access/transaction/event.html
 * @example
 * ```ts
 * @TransactionalEventListener('order.placed', { phase: 'AFTER_COMMIT' })
 * async sendReceipt(order: { id: string }): Promise<void> {
 *   await this.mailer.send(order.id);
 * }
 * ```
 */
export function TransactionalEventListener(
  event: string,
  options: TransactionalEventListenerOptions = {},
): MethodDecorator {
  if (!aString.accepts(event)) {
    throw new InvalidOptionsError(
      `@TransactionalEventListener(): the event must be ${aString.expected}.`,
      'event',
    );
  }
  checkOptions('@TransactionalEventListener()', options, OPTIONS);
  return (target, key) => {
    // Own metadata only: a method that overrides a listener and is decorated again must not hear an event twice.
    const declared =
      (Reflect.getOwnMetadata(LISTENERS, target, key) as ListenerDeclaration[] | undefined) ?? [];
    Reflect.defineMetadata(LISTENERS, [...declared, { ...options, event }], target, key);
  };
}

/** What the decorator noted on the method; also on an inherited one. */
export function listenersOn(target: object, key: string | symbol): readonly ListenerDeclaration[] {
  return (Reflect.getMetadata(LISTENERS, target, key) as ListenerDeclaration[] | undefined) ?? [];
}
