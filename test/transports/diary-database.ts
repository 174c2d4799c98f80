import { Entity, PrimaryGeneratedColumn, VersionColumn } from 'typeorm';
import { EnlistedDatabase } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';

@Entity()
export class Sheet {
  @PrimaryGeneratedColumn()
  id!: number;

  @VersionColumn()
  version!: number;
}

export const ENTITIES = [Note, Sheet];

/** A note of this text is inserted without complaint, and refused by COMMIT. */
export const REFUSED_BY_COMMIT = 'too late';

const REFUSE_AT_COMMIT = `
  CREATE FUNCTION refuse_note() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the diary is closed'; END $$;
  CREATE CONSTRAINT TRIGGER refused_by_commit AFTER INSERT ON note DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.text = '${REFUSED_BY_COMMIT}') EXECUTE FUNCTION refuse_note();
`;

/** The schema of a diary, and a connection beside the application's own. */
export class DiaryDatabase {
  private constructor(private readonly database: EnlistedDatabase) {}

  static async open(): Promise<DiaryDatabase> {
    const database = await EnlistedDatabase.open({ entities: ENTITIES });
    await database.observer.query(`DROP FUNCTION IF EXISTS refuse_note CASCADE; ${REFUSE_AT_COMMIT}`);
    await database.observer.query('INSERT INTO sheet (version) VALUES (1)');
    return new DiaryDatabase(database);
  }

  /** The texts of the notes that another connection can see. */
  notes(): Promise<string[]> {
    return this.database.notes();
  }

  empty(): Promise<void> {
    return this.database.empty();
  }

  async close(): Promise<void> {
    await this.database.observer.query('DROP FUNCTION refuse_note CASCADE');
    await this.database.close();
  }
}
