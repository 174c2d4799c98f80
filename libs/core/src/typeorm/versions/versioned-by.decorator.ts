/** One class, named lazily because two entities that refer to each other cannot both be defined first. */
export type RootOf<R> = () => abstract new (...args: never[]) => R;

/** What a `@VersionedBy()` says. */
export interface VersionedByDeclaration {
  readonly root: RootOf<object>;
  /** Called with TypeORM's map of the child's properties, which gives each one's path. */
  readonly relation: (child: never) => unknown;
}

const DECLARATIONS = Symbol.for('nest-transactional.versioned-by');

/**
 * Makes the entity a part of an aggregate: whatever is written to it (created, changed, moved to another root, deleted, by
 * cascade or directly) counts as a change of the root, whose version goes up once per transaction, at COMMIT. The root's
 * version is checked as if it was saved: what counts is the version of the root's object that the child refers to or that
 * is being saved, else the one that the transaction has loaded. Several roots are locked in a stable order.
 *
 * Raw SQL and what the database does by itself (`ON DELETE CASCADE`) are not seen.
 *
 * @param root - the root's class, which needs a `@VersionColumn`
 * @param relation - the child's many-to-one (or owning one-to-one) relation to the root
 * @throws InvalidOptionsError when the data source is enlisted: no such relation, or a root without version
 * @example
 * ```ts
 * @Entity()
 * @VersionedBy(() => Invoice, (item) => item.invoice)
 * class InvoiceItem {
 *   @PrimaryGeneratedColumn() id!: number;
 *   @ManyToOne(() => Invoice) invoice!: Invoice;
 * }
 *
 * @Entity()
 * class Invoice {
 *   @PrimaryGeneratedColumn() id!: number;
 *   @VersionColumn() version!: number;
 * }
 * ```
 */
export function VersionedBy<R extends object, C = any>(
  root: RootOf<R>,
  relation: (child: C) => R | Promise<R> | null | undefined,
): ClassDecorator {
  return (target) => {
    const declared = [...versionedByOf(target), { root, relation }];
    Object.defineProperty(target, DECLARATIONS, { value: declared, configurable: true });
  };
}

/** All declarations of the class and of those it extends. */
export function versionedByOf(target: unknown): readonly VersionedByDeclaration[] {
  return (typeof target === 'function' ? (target as unknown as Marked)[DECLARATIONS] : undefined) ?? [];
}

type Marked = Record<symbol, readonly VersionedByDeclaration[] | undefined>;
