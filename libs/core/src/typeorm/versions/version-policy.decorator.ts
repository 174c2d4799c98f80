import { aBoolean, checkOptions, oneOf, type Schema } from '../../transaction/check-options.js';

/**
 * What happens when an entity that carries no version is saved or removed (a partial select, an object from a request):
 *
 * - `database`: the version that `save()`'s own SELECT saw is checked, so nothing is lost between that SELECT and the write;
 * - `reject`: `MissingVersionError`, and nothing is written;
 * - `ignore`: written unchecked, as plain TypeORM does.
 */
export type MissingVersion = 'database' | 'reject' | 'ignore';

/** How the versions of an entity, or of all entities, are enforced. */
export interface VersionOptions {
  /** What happens when an entity carries no version. @defaultValue `'database'` */
  readonly missing?: MissingVersion;
}

/** How the versions of one entity are enforced. */
export interface VersionPolicyOptions extends VersionOptions {
  /** `false`: TypeORM's own behaviour, nothing is checked. @defaultValue `true` */
  readonly enforced?: boolean;
}

export const VERSION_OPTIONS: Schema<VersionOptions> = { missing: oneOf('database', 'reject', 'ignore') };

const POLICY_OPTIONS: Schema<VersionPolicyOptions> = { ...VERSION_OPTIONS, enforced: aBoolean };

const POLICY = Symbol.for('nest-transactional.version-policy');

/**
 * Says how the versions of one entity are enforced, where that is not as the module says. Subclasses inherit it.
 *
 * @throws InvalidOptionsError for an unknown option
 * @example
 * ```ts
 * @Entity()
 * @VersionPolicy({ missing: 'reject' })
 * class Invoice {
 *   @PrimaryGeneratedColumn() id!: number;
 *   @VersionColumn() version!: number;
 * }
 * ```
 */
export function VersionPolicy(options: VersionPolicyOptions): ClassDecorator {
  return (target) => {
    checkOptions(`@VersionPolicy() on ${target.name}`, options, POLICY_OPTIONS);
    Object.defineProperty(target, POLICY, { value: options, configurable: true });
  };
}

/** The nearest policy in the class hierarchy. */
export function versionPolicyOf(target: unknown): VersionPolicyOptions {
  return (typeof target === 'function' ? (target as unknown as Marked)[POLICY] : undefined) ?? {};
}

type Marked = Record<symbol, VersionPolicyOptions | undefined>;
