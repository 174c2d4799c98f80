import { afterAll, beforeAll, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  EventSubscriber,
  PrimaryColumn,
  VersionColumn,
  type EntitySubscriberInterface,
  type TransactionStartEvent,
} from 'typeorm';
import { EnlistedDatabase } from '../transactions/enlisted-database.js';

@Entity()
class Tenanted {
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;
}

/** Says whose tables are meant, as row-level security and schemas of tenants need it. */
@EventSubscriber()
class ChoosesTenant implements EntitySubscriberInterface {
  async afterTransactionStart({ queryRunner }: TransactionStartEvent): Promise<void> {
    await queryRunner.query('SET LOCAL search_path TO tenant, public');
  }
}

let database: EnlistedDatabase;
beforeAll(async () => {
  database = await EnlistedDatabase.open({ entities: [Tenanted], subscribers: [ChoosesTenant] });
  await database.observer.query(`
    DROP SCHEMA IF EXISTS tenant CASCADE; CREATE SCHEMA tenant;
    ALTER TABLE tenanted SET SCHEMA tenant; INSERT INTO tenant.tenanted VALUES (1, 'a', 1);
  `);
});
afterAll(async () => {
  await database.observer.query('DROP SCHEMA tenant CASCADE');
  await database.close();
});

it('the lock of a retry comes behind what the listeners of the start have set', async () => {
  const attempts: number[] = [];
  await database.transactions.run({ retry: 3 }, async (em) => {
    const { attempt } = database.transactions.current!;
    attempts.push(attempt);
    const row = await em.findOneByOrFail(Tenanted, { id: 1 });
    if (attempt === 1) await database.observer.query('UPDATE tenant.tenanted SET version = version + 1');
    await em.save(Object.assign(row, { name: 'b' }));
  });

  expect(attempts).toEqual([1, 2]);
  const { rows } = await database.observer.query('SELECT name, version FROM tenant.tenanted');
  expect(rows).toEqual([{ name: 'b', version: 3 }]);
});
