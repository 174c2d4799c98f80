import fc from 'fast-check';
import type { EntityManager, FindOneOptions } from 'typeorm';
import { Money, Size, type Sheet } from './sheet.js';

/** One thing that is done to a loaded sheet. */
export interface Change {
  readonly change: string;
  readonly apply: (sheet: Sheet) => unknown;
}

export const newTitle: Change = { change: 'title', apply: (sheet) => (sheet.title = 'changed') };

/** Some set what is there already, some change what they hold in place. */
export const anyChange: fc.Arbitrary<Change> = fc.constantFrom<Change>(
  newTitle,
  { change: 'the same title', apply: (sheet) => (sheet.title = `${sheet.title}`) },
  { change: 'no title', apply: (sheet) => delete (sheet as Partial<Sheet>).title },
  { change: 'note', apply: (sheet) => (sheet.note = 'changed') },
  { change: 'note to null', apply: (sheet) => (sheet.note = null) },
  { change: 'note to undefined', apply: (sheet) => (sheet.note = undefined as never) },
  {
    change: 'data in place',
    apply: (sheet) => Object.assign((sheet.data['inner'] as object) ?? {}, { deep: 2 }),
  },
  {
    change: 'the same data, in another order',
    apply: (sheet) => (sheet.data = { list: [1, 2], inner: { deep: 1 } }),
  },
  { change: 'data', apply: (sheet) => (sheet.data = { list: [2, 1] }) },
  { change: 'numbers in place', apply: (sheet) => sheet.numbers.push(3) },
  { change: 'the same numbers', apply: (sheet) => (sheet.numbers = [1, 2]) },
  { change: 'tags in place', apply: (sheet) => sheet.tags.push('c') },
  { change: 'the same tags', apply: (sheet) => (sheet.tags = ['a', 'b']) },
  { change: 'a date in place', apply: ({ at }) => at instanceof Date && at.setTime(0) },
  { change: 'the same date', apply: (sheet) => (sheet.at = sheet.at && new Date(sheet.at)) },
  { change: 'no date', apply: (sheet) => (sheet.at = null) },
  { change: 'json in place', apply: (sheet) => Object.assign(sheet.json, { deep: [2] }) },
  { change: 'the same json', apply: (sheet) => (sheet.json = { deep: [1] }) },
  { change: 'the same date as text', apply: (sheet) => (sheet.at = '2001-01-01T01:01:01.001Z' as never) },
  { change: 'the same day as a date', apply: (sheet) => (sheet.day = new Date(2001, 0, 1) as never) },
  { change: 'the same time', apply: (sheet) => (sheet.time = '01:01:01') },
  { change: 'time', apply: (sheet) => (sheet.time = '02:02') },
  { change: 'what is never selected', apply: (sheet) => (sheet.secret = 'changed') },
  { change: 'day', apply: (sheet) => (sheet.day = '2002-02-02') },
  { change: 'the same price', apply: (sheet) => (sheet.price = '1.50') },
  { change: 'the same price in other words', apply: (sheet) => (sheet.price = '1.5') },
  { change: 'price', apply: (sheet) => (sheet.price = '2.00') },
  { change: 'bytes in place', apply: ({ bytes }) => bytes?.fill(9) },
  { change: 'the same bytes', apply: (sheet) => (sheet.bytes = Buffer.from([1, 2, 3])) },
  { change: 'shouted', apply: (sheet) => sheet.shouted && (sheet.shouted = 'CHANGED') },
  { change: 'shouted in lower case', apply: (sheet) => sheet.shouted && (sheet.shouted = 'plain') },
  { change: 'money in place', apply: ({ money }) => money?.spend() },
  { change: 'the same money', apply: (sheet) => sheet.money && (sheet.money = new Money(9)) },
  { change: 'width', apply: ({ size }) => size && (size.width = 2) },
  {
    change: 'size',
    apply: (sheet) => sheet.size && (sheet.size = Object.assign(new Size(), { width: 1, height: 3 })),
  },
  { change: 'what is written once', apply: (sheet) => (sheet.written = 'again') },
  { change: 'owner', apply: (sheet) => (sheet.owner = { id: 2 }) },
  { change: 'the same owner', apply: (sheet) => (sheet.owner = { id: 1 }) },
  { change: 'no owner', apply: (sheet) => (sheet.owner = null) },
  { change: 'a property that is no column', apply: (sheet) => Object.assign(sheet, { unknown: true }) },
);

/** A way to load the sheet. */
export interface Load {
  readonly load: string;
  readonly from: (manager: EntityManager, target: typeof Sheet) => Promise<Sheet>;
}

const found =
  (options: FindOneOptions<Sheet>): Load['from'] =>
  (manager, target) =>
    manager.findOneOrFail(target, { where: { id: 1 }, ...options });
const whole = found({});
export const loadedWhole: Load = { load: 'whole', from: whole };

export const anyLoad: fc.Arbitrary<Load> = fc.constantFrom<Load>(
  loadedWhole,
  {
    load: 'whole, by a builder',
    from: (manager, target) => manager.createQueryBuilder(target, 's').getOneOrFail(),
  },
  { load: 'in an array', from: async (manager, target) => (await manager.find(target))[0]! },
  { load: 'with a count', from: async (manager, target) => (await manager.findAndCount(target))[0][0]! },
  { load: 'twice', from: async (...all) => (await whole(...all), await whole(...all)) },
  { load: 'with its owner', from: found({ relations: { owner: true } }) },
  { load: 'with the id of its owner', from: found({ loadRelationIds: true }) },
  {
    load: 'joined',
    from: (manager, target) =>
      manager.createQueryBuilder(target, 's').leftJoinAndSelect('s.owner', 'o').getOneOrFail(),
  },
  {
    load: 'with what is not selected otherwise',
    from: (manager, target) => manager.createQueryBuilder(target, 's').addSelect('s.secret').getOneOrFail(),
  },
  {
    load: 'without some columns',
    from: (manager, target) =>
      manager
        .createQueryBuilder(target, 's')
        .select(
          ['id', 'version', 'title', 'data', 'json', 'numbers', 'tags', 'at'].map((name) => `s.${name}`),
        )
        .getOneOrFail(),
  },
  { load: 'copied', from: async (manager, target) => manager.create(target, await whole(manager, target)) },
);
