import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateShop1760000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE products (
        id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        sku         varchar(40)  NOT NULL CONSTRAINT products_sku_key UNIQUE,
        name        varchar(120) NOT NULL CHECK (name <> ''),
        description varchar(500) NOT NULL DEFAULT '',
        category    varchar(40)  NOT NULL DEFAULT 'other',
        price_cents integer      NOT NULL CHECK (price_cents >= 0),
        stock       integer      NOT NULL CHECK (stock >= 0),
        version     integer      NOT NULL,
        created_at  timestamptz  NOT NULL DEFAULT now(),
        updated_at  timestamptz  NOT NULL DEFAULT now()
      );
      CREATE INDEX products_name_idx ON products (name, id);

      CREATE TABLE orders (
        id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        customer    varchar(100) NOT NULL CHECK (customer <> ''),
        status      varchar(10)  NOT NULL CHECK (status IN ('placed', 'cancelled')),
        total_cents bigint       NOT NULL CHECK (total_cents >= 0),
        version     integer      NOT NULL,
        created_at  timestamptz  NOT NULL DEFAULT now()
      );

      CREATE TABLE order_lines (
        id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        order_id         uuid    NOT NULL REFERENCES orders ON DELETE CASCADE,
        product_id       uuid    NOT NULL CONSTRAINT order_lines_product_id_fkey REFERENCES products,
        quantity         integer NOT NULL CHECK (quantity > 0),
        unit_price_cents integer NOT NULL CHECK (unit_price_cents >= 0),
        UNIQUE (order_id, product_id)
      );
      CREATE INDEX order_lines_product_id_idx ON order_lines (product_id);

      CREATE TABLE audit_entries (
        id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        action     varchar(40) NOT NULL,
        entity     varchar(40) NOT NULL,
        entity_id  uuid        NOT NULL,
        request_id text,
        at         timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX audit_entries_entity_idx ON audit_entries (entity, entity_id, at);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_entries, order_lines, orders, products');
  }
}
