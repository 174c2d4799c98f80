import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddIdempotencyKeys1762000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE idempotency_keys (
        id          text PRIMARY KEY,
        fingerprint text        NOT NULL,
        status      smallint    NOT NULL,
        headers     jsonb       NOT NULL,
        body        bytea,
        created_at  timestamptz NOT NULL DEFAULT now(),
        expires_at  timestamptz NOT NULL
      );
      CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE idempotency_keys');
  }
}
