import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A line tells what was bought by itself: what an order looks like depends on the order's version and on nothing else. */
export class AddNamesToLines1763000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE order_lines ADD COLUMN product_name varchar(120);
      UPDATE order_lines SET product_name = products.name FROM products WHERE products.id = product_id;
      ALTER TABLE order_lines ALTER COLUMN product_name SET NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE order_lines DROP COLUMN product_name');
  }
}
