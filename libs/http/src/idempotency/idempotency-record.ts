import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * A request that took effect, and what it was answered. `@Idempotent()` keeps them in this entity's table: list it in the
 * `entities` of the data source, and create the table with a migration.
 *
 * @example
 * ```ts
 * TypeOrmModule.forRoot({ type: 'postgres', entities: [Order, IdempotencyRecord] });
 * ```
 */
@Entity('idempotency_keys')
export class IdempotencyRecord {
  /** A digest of the key and its scope. */
  @PrimaryColumn({ name: 'id', type: 'text' })
  id!: string;

  /** A digest of method, address, media type and body. */
  @Column({ name: 'fingerprint', type: 'text' })
  fingerprint!: string;

  @Column({ name: 'status', type: 'smallint' })
  status!: number;

  @Column({ name: 'headers', type: 'jsonb' })
  headers!: Record<string, string>;

  /** `null` for a response without one. */
  @Column({ name: 'body', type: 'bytea', nullable: true })
  body!: Buffer | null;

  @Column({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;

  /** From then on the key is as good as new. */
  @Index('idempotency_keys_expires_at')
  @Column({ name: 'expires_at', type: 'timestamptz' })
  expiresAt!: Date;
}
