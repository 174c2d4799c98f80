import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Line, Order } from './entities.js';
import { conflictOn, failureOf, perform, SURROUNDINGS, VersionedDatabase } from './versioned-database.js';

let database: VersionedDatabase;
let order: Order;

beforeAll(async () => {
  database = await VersionedDatabase.open([Order, Line]);
});
beforeEach(async () => {
  await database.empty();
  await database.seed(Order, { name: 'order', lines: [{ name: 'a' }, { name: 'b' }] });
  order = await load();
});
afterAll(() => database.close());

async function load(): Promise<Order> {
  const found = await database.repository(Order).find({
    relations: { lines: true },
    order: { lines: { id: 'ASC' } },
    withDeleted: true,
  });
  return found[0]!;
}

/** Every row, with its version: the order, then its lines. */
async function stored(): Promise<string[]> {
  const rows = [
    ...(await database.plainly(Order).find({ order: { id: 'ASC' }, withDeleted: true })),
    ...(await database.plainly(Line).find({ order: { id: 'ASC' }, withDeleted: true })),
  ];
  return rows.map(({ name, version, deletedAt }) => `${name}${version}${deletedAt ? ' deleted' : ''}`);
}

describe.each(SURROUNDINGS)('%s, an order with its lines', (where) => {
  const orders = (): ReturnType<typeof database.repository<Order>> => database.repository(Order);
  const whole = <T>(work: () => Promise<T>): Promise<T> => perform(where, database, work);

  it('is inserted, all at version 1', async () => {
    const added = await whole(() => orders().save({ name: 'new', lines: [{ name: 'c' }, { name: 'd' }] }));

    expect(added).toMatchObject({ version: 1, lines: [{ version: 1 }, { version: 1 }] });
    expect(await stored()).toEqual(['order1', 'new1', 'a1', 'b1', 'c1', 'd1']);
  });

  it('is saved, with a new version for what has changed only', async () => {
    order.lines[0]!.name = 'changed';
    await whole(() => orders().save(order));

    expect(order).toMatchObject({ version: 1, lines: [{ version: 2 }, { version: 1 }] });
    expect(await stored()).toEqual(['order1', 'changed2', 'b1']);
  });

  it('gets a new line beside those that it has', async () => {
    order.lines.push(Object.assign(new Line(), { name: 'c' }));
    await whole(() => orders().save(order));
    order.lines[2]!.name = 'changed';
    await whole(() => orders().save(order));

    expect(await stored()).toEqual(['order1', 'a1', 'b1', 'changed2']);
  });

  it('is not saved when a line that it changes is stale', async () => {
    await database.interfere(order.lines[1]!);
    order.name = 'changed';
    for (const line of order.lines) line.name = 'changed';

    expect(await failureOf(whole(() => orders().save(order)))).toMatchObject(conflictOn('Line', 2, 1));
    expect(await stored()).toEqual(['order1', 'a1', 'theirs2']);
    expect(order).toMatchObject({ version: 1, lines: [{ version: 1 }, { version: 1 }] });
  });

  it('is not saved when the order itself is stale, whatever is written first', async () => {
    await database.interfere(order);
    order.lines[0]!.name = 'changed';
    order.lines.push(Object.assign(new Line(), { name: 'c' }));
    order.name = 'changed';

    expect(await failureOf(whole(() => orders().save(order)))).toMatchObject(conflictOn('Order', 1, 1));
    expect(await stored()).toEqual(['theirs2', 'a1', 'b1']);
    expect(order.lines[2]).not.toHaveProperty('id', expect.anything());
  });

  it('is not saved when a line that it changes is gone', async () => {
    await database.removeBehindItsBack(order.lines[1]!);
    order.lines[1]!.name = 'changed';

    expect(await failureOf(whole(() => orders().save(order)))).toMatchObject(conflictOn('Line', 2, 1));
    expect(await stored()).toEqual(['order1', 'a1']);
  });

  it('is removed with its lines', async () => {
    await whole(() => orders().remove(order));

    expect(await stored()).toEqual([]);
  });

  it('is not removed when a line is stale', async () => {
    await database.interfere(order.lines[1]!);

    expect(await failureOf(whole(() => orders().remove(order)))).toMatchObject(conflictOn('Line', 2, 1));
    expect(await stored()).toEqual(['order1', 'a1', 'theirs2']);
    expect(order).toMatchObject({ id: 1, lines: [{ id: 1 }, { id: 2 }] });
  });

  it('is soft-removed with its lines, and recovered with them', async () => {
    await whole(() => orders().softRemove(order));
    expect(await stored()).toEqual(['order2 deleted', 'a2 deleted', 'b2 deleted']);

    await whole(() => orders().recover(order));
    expect(await stored()).toEqual(['order3', 'a3', 'b3']);
    expect(order).toMatchObject({ version: 3, lines: [{ version: 3 }, { version: 3 }] });
  });

  it('is not soft-removed when a line is stale', async () => {
    await database.interfere(order.lines[1]!);

    expect(await failureOf(whole(() => orders().softRemove(order)))).toMatchObject(conflictOn('Line', 2, 1));
    expect(await stored()).toEqual(['order1', 'a1', 'theirs2']);
    expect(order).toMatchObject({ deletedAt: null, lines: [{ deletedAt: null }, { deletedAt: null }] });
  });

  it('is not recovered when a line is stale', async () => {
    await database.plainly(Order).softDelete(1);
    await database.plainly(Line).softDelete([1, 2]);
    order = await load();
    await database.interfere(order.lines[1]!);

    expect(await failureOf(whole(() => orders().recover(order)))).toMatchObject(conflictOn('Line', 2, 2));
    expect(await stored()).toEqual(['order2 deleted', 'a2 deleted', 'theirs3 deleted']);
  });

  it('can be saved line by line, each with its own version', async () => {
    const [first, second] = order.lines;
    await database.interfere(first!);
    const lines = database.repository(Line);
    await whole(() => lines.save(Object.assign(second!, { name: 'changed' })));

    expect(
      await failureOf(whole(() => lines.save(Object.assign(first!, { name: 'changed' })))),
    ).toMatchObject(conflictOn('Line', 1, 1));
    expect(await stored()).toEqual(['order1', 'theirs2', 'changed2']);
  });

  it('lets a line go to another order', async () => {
    const other = await database.seed(Order, { name: 'other' });
    const line = await database.reloaded(order.lines[1]!);
    await whole(() => database.repository(Line).save(Object.assign(line, { order: other })));

    expect(line.version).toBe(2);
    expect((await load()).lines.map(({ name }) => name)).toEqual(['a']);
  });

  it('does not let a stale line go to another order', async () => {
    const other = await database.seed(Order, { name: 'other' });
    const line = await database.reloaded(order.lines[1]!);
    await database.interfere(line);
    const move = whole(() => database.repository(Line).save(Object.assign(line, { order: other })));

    expect(await failureOf(move)).toMatchObject(conflictOn('Line', 2, 1));
    expect((await load()).lines.map(({ name }) => name)).toEqual(['a', 'theirs']);
  });
});
