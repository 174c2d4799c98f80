import { Readable } from 'node:stream';
import { Inject } from '@nestjs/common';
import { Observable } from 'rxjs';
import { currentFrame } from '../context/current-frame.js';
import { InvalidOptionsError, NotManagedError } from '../errors.js';
import { checkTransactionOptions } from '../transaction/check-options.js';
import {
  inheritOptions,
  type TransactionDefinition,
  type TransactionOptions,
} from '../transaction/transaction-options.js';
import { joinFailure } from '../transaction/boundary.js';
import type { TransactionScope } from '../transaction/transaction-scope.js';
import { TransactionManager, type MethodPlan } from '../typeorm/transaction-manager.js';
import { MANAGER } from './manager-token.js';
import { copyFunctionMetadata } from './copy-function-metadata.js';
import {
  deferredGenerator,
  deferredObservable,
  isStreamed,
  passThrough,
  type CallHolding,
} from './returned-streams.js';

type Method = (this: unknown, ...all: unknown[]) => unknown;

/** Notes a decorated method's options, by its class and name, so that other decorators may wrap it. */
const DECORATED = 'nest-transactional:decorated';
/** A class's own options; read at the first call, because class decorators are evaluated last. */
const CLASS_OPTIONS = 'nest-transactional:class-options';

/**
 * Runs the method in a transaction: joins the one that surrounds the call, else begins one that commits when the method
 * resolves and rolls back when it rejects. Plain `@InjectRepository()` repositories, `dataSource.query()`, builders and all
 * other handles of the DataSource take part. On a class, it decorates every method the class itself declares; a method's
 * own options win over the class's, those over the module's `defaults`. The method returns a promise.
 *
 * @param options - see {@link TransactionOptions}; a conflict with the joined transaction is an error, never ignored
 * @throws InvalidOptionsError at once, for an unknown option or an ill-typed value
 * @throws UnexpectedRollbackError (by the method) when it returned but the transaction could only be rolled back
 * @throws NotManagedError (by the method) when Nest did not create the object and no context surrounds the call
 * @see https://docs.spring.io/spring-framework/reference/data-access/transaction/declarative/annotations.html
 * @example
 * ```ts
 * @Injectable()
 * export class AccountsService {
 *   constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}
 *
 *   @Transactional()
 *   async transfer(from: string, to: string, cents: number): Promise<void> {
 *     await this.accounts.decrement({ id: from }, 'balance', cents);
 *     await this.accounts.increment({ id: to }, 'balance', cents);
 *   }
 * }
 * ```
 */
export function Transactional(options: TransactionOptions = {}): ClassDecorator & MethodDecorator {
  checkTransactionOptions('@Transactional()', options);
  const frozen = Object.freeze({ ...options });
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor): void => {
    if (key === undefined) decorateClass(target as new () => unknown, frozen);
    else decorateMethod(target, key, { descriptor, options: frozen });
  };
}

function decorateClass(target: { prototype: object }, options: TransactionOptions): void {
  Reflect.defineMetadata(CLASS_OPTIONS, options, target.prototype);
  for (const key of Reflect.ownKeys(target.prototype)) {
    const descriptor = Object.getOwnPropertyDescriptor(target.prototype, key)!;
    const isOwnMethod = key !== 'constructor' && typeof descriptor.value === 'function';
    if (!isOwnMethod || Reflect.hasOwnMetadata(DECORATED, target.prototype, key)) continue;
    decorateMethod(target.prototype, key, { descriptor, options: {} });
    Object.defineProperty(target.prototype, key, descriptor);
  }
}

interface Decoration {
  readonly descriptor: PropertyDescriptor | undefined;
  readonly options: TransactionOptions;
}

function decorateMethod(target: object, key: string | symbol, { descriptor, options }: Decoration): void {
  const label = `${classOf(target).name}.${String(key)}`;
  const method: unknown = descriptor?.value;
  if (typeof method !== 'function') {
    throw new InvalidOptionsError(`@Transactional() on ${label}: only a method can be transactional.`, label);
  }
  const resolve = (): TransactionOptions => withClassOptions(target, options);
  const returnType: unknown = Reflect.getMetadata('design:returntype', target, key);
  Reflect.defineMetadata(DECORATED, { label, resolve }, target, key);
  descriptor!.value = transactional(method as Method, { label, returnType, resolve });
  if (typeof target !== 'function') Inject(MANAGER)(target, MANAGER);
}

/** What a class's method was decorated with, if it was; also an inherited one. */
export function transactionalOptionsOf(
  prototype: object,
  method: string,
): { readonly label: string; readonly options: TransactionOptions } | undefined {
  const noted = Reflect.getMetadata(DECORATED, prototype, method) as
    Pick<Decorated, 'label' | 'resolve'> | undefined;
  return noted && { label: noted.label, options: noted.resolve() };
}

function withClassOptions(target: object, options: TransactionOptions): TransactionOptions {
  const classOptions = Reflect.getOwnMetadata(CLASS_OPTIONS, target) as TransactionOptions | undefined;
  return classOptions === undefined ? options : Object.freeze(inheritOptions(classOptions, options));
}

function transactional(method: Method, decorated: Decorated): Method {
  const planFor = planner(decorated);
  const deliver = deliveryOf(method, decorated);
  /** `invoke` calls the method, or hands out what it has returned already. */
  const deliverFrom = (manager: TransactionManager, invoke: () => unknown): unknown =>
    deliver((hold) =>
      manager.intercept(planFor(manager), () => {
        const returned = invoke();
        return isStreamed(returned) ? hold(returned, manager.keepContext()) : returned;
      }),
    );
  const wrapper: Method = function (...all) {
    const manager = managerOf(this);
    if (manager === undefined) return deliver(() => Promise.reject(new NotManagedError(decorated.label)));
    const plan = planFor(manager);
    const scope = deliver === passThrough ? manager.scopeToJoin(plan) : undefined;
    if (scope === undefined) return deliverFrom(manager, () => method.apply(this, all));
    // Most calls join, and nothing changes around them: the method is called first, and looked at afterwards.
    const invoked = invokeJoined(() => method.apply(this, all), scope, plan.definition);
    return invoked instanceof Promise ? invoked : deliverFrom(manager, () => invoked);
  };
  copyFunctionMetadata(method, wrapper);
  return wrapper;
}

/** The options are read at the first call, because class decorators are evaluated last; each manager has its defaults. */
function planner({ label, resolve }: Decorated): (manager: TransactionManager) => MethodPlan {
  let options: TransactionOptions | undefined;
  let planned: { readonly by: TransactionManager; readonly plan: MethodPlan } | undefined;
  return (manager) => {
    if (planned?.by === manager) return planned.plan;
    options ??= resolve();
    planned = { by: manager, plan: manager.planMethod(label, options) };
    return planned.plan;
  };
}

/** The method's promise, failing as a joined call fails; or whatever else it returned. */
function invokeJoined(
  invoke: () => unknown,
  scope: TransactionScope,
  definition: TransactionDefinition,
): unknown {
  const failed = joinFailure(scope, definition);
  try {
    const returned = invoke();
    return returned instanceof Promise ? returned.then(undefined, failed) : returned;
  } catch (error) {
    return Promise.reject(error as Error).catch(failed);
  }
}

interface Decorated {
  readonly label: string;
  /** `design:returntype`, where TypeScript emitted it. */
  readonly returnType: unknown;
  readonly resolve: () => TransactionOptions;
}

/**
 * How the method's result reaches the caller. Generators and Observables do nothing before they are asked to, so neither
 * does their transaction.
 */
function deliveryOf(method: Method, { label, returnType }: Decorated): (call: CallHolding) => unknown {
  if (isSynchronous(returnType)) {
    throw new InvalidOptionsError(
      `@Transactional() on ${label}: it returns a ${(returnType as { name: string }).name}, but COMMIT cannot be awaited ` +
        `synchronously. Make the method async.`,
      label,
    );
  }
  if (method.constructor.name === 'AsyncGeneratorFunction') return deferredGenerator;
  return returnType === Observable ? deferredObservable : passThrough;
}

/** Whether a declared return type is a class whose instances nobody can wait for. */
function isSynchronous(returnType: unknown): boolean {
  if (typeof returnType !== 'function' || UNTOLD.includes(returnType)) return false;
  const prototype = (returnType.prototype ?? {}) as object;
  const isWaitedFor = 'then' in prototype || 'subscribe' in prototype || Symbol.asyncIterator in prototype;
  return !isWaitedFor && !(prototype instanceof Readable);
}

/** What TypeScript emits for interfaces, unions and the like. */
const UNTOLD: readonly unknown[] = [Object, Function];

/** The manager of the application that made the object; else the one that the current context carries. */
function managerOf(instance: unknown): TransactionManager | undefined {
  const injected = (instance as Record<symbol, TransactionManager | undefined> | undefined)?.[MANAGER];
  if (injected !== undefined) return injected;
  const owner = currentFrame()?.owner;
  return owner instanceof TransactionManager ? owner : undefined;
}

function classOf(target: object): { readonly name: string } {
  return typeof target === 'function' ? target : target.constructor;
}
