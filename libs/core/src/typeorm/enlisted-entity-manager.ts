import {
  EntityManager,
  type DataSource,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
} from 'typeorm';
import type { IsolationLevel } from '../transaction/transaction-options.js';
import type { KeyLookups } from './compiled/key-lookups.js';
import type { Persistence } from './versions/persistence.js';
import type { PersistKind } from './versions/persist-operation.js';

export type TransactionArguments =
  | [work: (manager: EntityManager) => Promise<unknown>]
  | [isolation: IsolationLevel, work: (manager: EntityManager) => Promise<unknown>];

export interface EntityManagerClass {
  new (dataSource: DataSource, runner?: QueryRunner): EntityManager;
  readonly prototype: EntityManager;
}

/** Who decides what `manager.transaction()` means where it is called. */
export type TransactionRoute = (
  manager: EntityManager,
  plain: (...all: TransactionArguments) => Promise<unknown>,
  all: TransactionArguments,
) => Promise<unknown>;

export interface ManagerParts {
  readonly persistence: Persistence;
  /** `undefined` where TypeORM is to do everything by itself. */
  readonly lookups: KeyLookups | undefined;
  readonly route: TransactionRoute;
}

type AnyMethod = (...all: any[]) => any;

/**
 * Makes the manager of an enlisted data source, which checks the versions of what it persists. It has no private fields:
 * the data source's own manager existed before, and becomes one of these without being constructed again.
 */
export function enlistedManagerClass(
  Manager: EntityManagerClass,
  { persistence, lookups, route }: ManagerParts,
): EntityManagerClass {
  // Who finds in a way of their own goes on doing so.
  const quick = findsAsTypeOrm(Manager) ? lookups : undefined;
  return class EnlistedEntityManager extends Manager {
    override transaction(...all: any[]): any {
      return route(this, super.transaction.bind(this) as AnyMethod, all as TransactionArguments);
    }

    override findOne(...all: any[]): any {
      return quick?.findOne(this, all[0], all[1]) ?? (super.findOne as AnyMethod)(...all);
    }

    override findOneBy(...all: any[]): any {
      return quick?.find(this, all[0], all[1]) ?? (super.findOneBy as AnyMethod)(...all);
    }

    override save(...all: any[]): any {
      return this.persist('save', all, super.save.bind(this) as AnyMethod);
    }

    override remove(...all: any[]): any {
      return this.persist('remove', all, super.remove.bind(this) as AnyMethod);
    }

    override softRemove(...all: any[]): any {
      return this.persist('softRemove', all, super.softRemove.bind(this) as AnyMethod);
    }

    override recover(...all: any[]): any {
      return this.persist('recover', all, super.recover.bind(this) as AnyMethod);
    }

    override upsert(...all: any[]): any {
      return this.persist('upsert', all, super.upsert.bind(this) as AnyMethod);
    }

    /** What TypeORM writes the generated values into an entity with, once it is persisted. */
    override merge<E extends ObjectLiteral>(target: EntityTarget<E>, entity: E, ...others: any[]): E {
      persistence.remember(entity, target);
      return super.merge(target, entity, ...others);
    }

    private persist(kind: PersistKind, all: unknown[], plain: AnyMethod): Promise<unknown> {
      return persistence.run(kind, this, all, () => plain(...all) as Promise<unknown>);
    }
  };
}

function findsAsTypeOrm({ prototype }: EntityManagerClass): boolean {
  return (['findOne', 'findOneBy'] as const).every(
    (name) => prototype[name] === EntityManager.prototype[name],
  );
}
