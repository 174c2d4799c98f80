import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddStamps1761000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE orders ADD COLUMN updated_at timestamptz NOT NULL DEFAULT now();
      UPDATE orders SET updated_at = created_at;

      ALTER TABLE order_lines ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
      UPDATE order_lines SET created_at = orders.created_at FROM orders WHERE orders.id = order_id;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE order_lines DROP COLUMN created_at;
      ALTER TABLE orders DROP COLUMN updated_at;
    `);
  }
}
