import 'reflect-metadata';
import fc from 'fast-check';
import { Column, DeleteDateColumn, Entity, PrimaryColumn, VersionColumn } from 'typeorm';

/** Two of these, with the ids 1 and 2, are what a history is about. */
@Entity()
export class Leaf {
  @PrimaryColumn()
  id!: number;

  /** Which step wrote it last. */
  @Column()
  token!: string;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  @VersionColumn()
  version!: number;
}

/** Writes down every change of a leaf in the order in which it happened; what is rolled back is not in it. */
export const AUDIT = `
  CREATE TABLE audit (
    seq bigserial PRIMARY KEY, xid text, op text, id int,
    "from" int, "to" int, token text, "isDeleted" boolean
  );
  CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO audit (xid, op, id, "from", "to", token, "isDeleted") VALUES (
      pg_current_xact_id()::text, TG_OP, coalesce(NEW.id, OLD.id), OLD.version, NEW.version, NEW.token,
      NEW."deletedAt" IS NOT NULL
    );
    RETURN NULL;
  END $$;
  CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON leaf FOR EACH ROW EXECUTE FUNCTION write_down();
`;

export interface AuditEntry {
  readonly xid: string;
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE';
  readonly id: number;
  readonly from: number | null;
  readonly to: number | null;
  readonly token: string | null;
  readonly isDeleted: boolean;
}

export const WRITERS = [0, 1, 2] as const;

/** What writes an entity that the writer holds, by the version that it carries. */
export const CHECKED = ['save', 'remove', 'softRemove', 'recover'] as const;
/** What writes a row whatever its version. */
export const UNCHECKED = ['update', 'upsert', 'insert'] as const;

export type Action = 'load' | 'commit' | 'rollback' | (typeof CHECKED)[number] | (typeof UNCHECKED)[number];

/** One line of a history: who does what with which row. */
export interface Step {
  readonly writer: number;
  readonly action: Action;
  readonly id: number;
}

export interface History {
  readonly isolation: 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';
  readonly steps: readonly Step[];
}

const WEIGHTS: Record<Action, number> = {
  load: 6,
  save: 8,
  remove: 1,
  softRemove: 2,
  recover: 2,
  update: 1,
  upsert: 1,
  insert: 1,
  commit: 5,
  rollback: 1,
};

const anyAction = fc.oneof(
  ...Object.entries(WEIGHTS).map(([action, weight]) => ({
    weight,
    arbitrary: fc.constant(action as Action),
  })),
);

export const anyHistory: fc.Arbitrary<History> = fc.record({
  isolation: fc.constantFrom('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
  steps: fc.array(
    fc.record({ writer: fc.constantFrom(...WRITERS), action: anyAction, id: fc.constantFrom(1, 1, 1, 2) }),
    { minLength: 8, maxLength: 24 },
  ),
});
