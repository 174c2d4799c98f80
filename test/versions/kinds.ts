import type { ObjectLiteral } from 'typeorm';
import {
  Article,
  Branch,
  Car,
  Chapter,
  Country,
  Folder,
  Ledger,
  Oddity,
  Page,
  Seat,
  Shelf,
  Stock,
  Ticket,
  Truck,
  Vehicle,
} from './entities.js';
import type { EntityClass, VersionedDatabase } from './versioned-database.js';

export interface Named extends ObjectLiteral {
  name: string;
  deletedAt: Date | null;
}

/** A way to have a key and a version. */
export interface Kind {
  readonly kind: string;
  readonly target: EntityClass<Named>;
  /** Of the one row that {@link sow} makes: what the key is made of. */
  readonly key?: object;
  /** As an error tells it. */
  readonly id: unknown;
  readonly versionColumn: string;
}

const plain = { id: 1, versionColumn: 'version' };

export const KINDS: readonly Kind[] = [
  { kind: 'a generated id', target: Page, ...plain },
  { kind: 'an id chosen by hand', target: Country, ...plain, key: { code: 'fr' }, id: 'fr' },
  { kind: 'a bigint version', target: Ledger, ...plain },
  { kind: 'an embedded version', target: Article, id: 1, versionColumn: 'metaRevision' },
  { kind: 'a renamed version column', target: Ticket, id: 1, versionColumn: 'lock_no' },
  { kind: 'names that need quotes', target: Oddity, id: 1, versionColumn: 'the version' },
  composite('a composite key', Seat, { row: 'A', place: 7 }),
  composite('a relation in its key', Stock, { shelfId: 1, place: 7 }),
  { kind: 'a table shared with another', target: Car, ...plain },
  { kind: 'a closure-table tree', target: Folder, ...plain },
  { kind: 'a materialized-path tree', target: Chapter, ...plain },
  { kind: 'a nested-set tree', target: Branch, ...plain },
];

export const ENTITIES_OF_KINDS = [...KINDS.map(({ target }) => target), Vehicle, Truck, Shelf];

function composite(kind: string, target: EntityClass<Named>, key: object): Kind {
  return { kind, target, key, id: key, versionColumn: 'version' };
}

/** One row of the kind, and none beside it; returns the entity as it is loaded outside of any transaction. */
export async function sow(database: VersionedDatabase, { target, key }: Kind): Promise<Named> {
  await database.empty(target);
  return await database.reloaded(await database.seed(target, { name: 'ours', ...key }));
}

/** A way to write an entity that carries its version. */
export interface Write {
  readonly write: string;
  /** What an entity is before, so that the write has something to do. */
  readonly isDeletedBefore?: boolean;
  readonly perform: (manager: Writer, entity: Named) => Promise<unknown>;
}

/** Any handle that persists: a manager, or something like it. */
export interface Writer {
  save(entity: Named): Promise<unknown>;
  remove(entity: Named): Promise<unknown>;
  softRemove(entity: Named): Promise<unknown>;
  recover(entity: Named): Promise<unknown>;
}

export const WRITES: readonly Write[] = [
  { write: 'save', perform: (manager, entity) => manager.save(Object.assign(entity, { name: 'changed' })) },
  { write: 'remove', perform: (manager, entity) => manager.remove(entity) },
  { write: 'softRemove', perform: (manager, entity) => manager.softRemove(entity) },
  { write: 'recover', isDeletedBefore: true, perform: (manager, entity) => manager.recover(entity) },
];

/** As {@link sow}, for a write that is to come. */
export async function sowFor(
  database: VersionedDatabase,
  { kind, write }: { kind: Kind; write: Write },
): Promise<Named> {
  if (kind.target === Stock)
    await database.plain.query('INSERT INTO shelf VALUES (1) ON CONFLICT DO NOTHING');
  const entity = await sow(database, kind);
  if (!write.isDeletedBefore) return entity;
  await database.interfere(entity, { deletedAt: new Date(0) });
  return await database.reloaded(entity);
}
