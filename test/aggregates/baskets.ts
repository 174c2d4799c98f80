import type { DataSource } from 'typeorm';
import { EnlistedDatabase } from '../transactions/enlisted-database.js';
import { Basket, Item, Label, Remark, Warehouse } from './entities.js';

/** A warehouse, baskets in it, items in the baskets; and what another connection sees of their versions. */
export class Baskets {
  private constructor(readonly database: EnlistedDatabase) {}

  static async open(): Promise<Baskets> {
    const entities = [Basket, Item, Label, Remark, Warehouse];
    return new Baskets(await EnlistedDatabase.open({ entities }, { log: { error: () => undefined } }));
  }

  get dataSource(): DataSource {
    return this.database.dataSource;
  }

  get transactions(): EnlistedDatabase['transactions'] {
    return this.database.transactions;
  }

  /** Two baskets, `a` and `b`, with version 1 and two items each: `a1`, `a2`, `b1`, `b2`. */
  async fill(): Promise<void> {
    const { observer } = this.database;
    await observer.query(
      'TRUNCATE remark, item, basket, warehouse, label, basket_labels_label RESTART IDENTITY CASCADE',
    );
    await observer.query(`INSERT INTO warehouse (name, version) VALUES ('north', 1)`);
    await observer.query(`INSERT INTO basket (name, version) VALUES ('a', 1), ('b', 1)`);
    await observer.query(
      `INSERT INTO item (name, "basketId") VALUES ('a1', 1), ('a2', 1), ('b1', 2), ('b2', 2)`,
    );
    await observer.query(`INSERT INTO label (name) VALUES ('red'), ('blue')`);
  }

  async basket(name: string, relations: readonly string[] = []): Promise<Basket> {
    return await this.dataSource.getRepository(Basket).findOneOrFail({
      where: { name },
      relations: Object.fromEntries(relations.map((each) => [each, true])),
    });
  }

  async item(name: string): Promise<Item> {
    return await this.dataSource.getRepository(Item).findOneByOrFail({ name });
  }

  /** e.g. `{ a: 1, b: 2 }`, as committed. */
  async versions(): Promise<Record<string, number>> {
    const { rows } = await this.database.observer.query<{ name: string; version: number }>(
      'SELECT name, version FROM basket UNION ALL SELECT name, version FROM warehouse',
    );
    return Object.fromEntries(rows.map(({ name, version }) => [name, version]));
  }

  async close(): Promise<void> {
    await this.database.close();
  }
}
