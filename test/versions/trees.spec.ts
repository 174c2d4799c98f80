import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Branch, Chapter, Folder } from './entities.js';
import {
  conflictOn,
  failureOf,
  perform,
  USUAL_SURROUNDINGS,
  VersionedDatabase,
} from './versioned-database.js';

type Node = Folder | Chapter | Branch;

const TREES = [
  { tree: 'a closure-table', target: Folder },
  { tree: 'a materialized-path', target: Chapter },
  { tree: 'a nested-set', target: Branch },
] as const;

let database: VersionedDatabase;

beforeAll(async () => {
  database = await VersionedDatabase.open([Folder, Chapter, Branch]);
});
beforeEach(() => database.empty());
afterAll(() => database.close());

describe.each(USUAL_SURROUNDINGS)('%s', (where) => {
  describe.each(TREES)('in $tree tree', ({ target }) => {
    const nodes = (): ReturnType<typeof database.repository<Node>> => database.repository<Node>(target);
    const save = (values: object): Promise<Node> =>
      perform(where, database, () => nodes().save(Object.assign(new (target as new () => Node)(), values)));
    const change = (node: Node, values: object): Promise<Node> =>
      perform(where, database, () => nodes().save(Object.assign(node, values)));
    /** The names below the root, each with the name of its parent. */
    const shape = async (): Promise<string[]> => {
      const all = await database
        .plainly<Node>(target)
        .find({ relations: { parent: true }, order: { id: 'ASC' } });
      return all.map(({ name, parent }) => `${name} < ${parent?.name ?? '-'}`);
    };

    it('an inserted node has in memory the version that is stored', async () => {
      const root = await save({ name: 'root' });
      const child = await save({ name: 'child', parent: root });

      expect((await database.stored(root))!.version).toBe(root.version);
      expect((await database.stored(child))!.version).toBe(child.version);
    });

    it('an inserted node can be saved again and again', async () => {
      const root = await save({ name: 'root' });
      const child = await save({ name: 'child', parent: root });
      const { version } = child;
      await change(child, { name: 'first' });
      await change(child, { name: 'second' });

      expect(child.version).toBe(version + 2);
      expect(await shape()).toEqual(['root < -', 'second < root']);
    });

    it('children are inserted by cascade, and can be saved after it', async () => {
      const root = await save({ name: 'root', children: [{ name: 'a' }, { name: 'b' }] });
      await change(root.children[0]!, { name: 'changed' });

      expect(await shape()).toEqual(['root < -', 'changed < root', 'b < root']);
    });

    it('a node moves, and has in memory the version that is stored', async () => {
      const root = await save({ name: 'root' });
      const one = await save({ name: 'one', parent: root });
      const other = await save({ name: 'other', parent: root });
      const { version } = other;
      await change(other, { parent: one });

      expect(await shape()).toEqual(['root < -', 'one < root', 'other < one']);
      expect(other.version).toBe(version + 1);
      expect((await database.stored(other))!.version).toBe(other.version);
      expect((await database.stored(one))!.version).toBe(one.version);
      await change(other, { name: 'changed' });
    });

    it('a stale node does not move, and nothing of the tree is changed', async () => {
      const root = await save({ name: 'root' });
      const one = await save({ name: 'one', parent: root });
      const other = await save({ name: 'other', parent: root });
      const everything = (): Promise<unknown> =>
        database.plain.query(`SELECT * FROM ${tableOf(target)} ORDER BY id`);
      const expected = other.version;
      await database.interfere(other);
      const before = await everything();

      expect(await failureOf(change(other, { parent: one }))).toMatchObject(
        conflictOn(target.name, other.id, expected),
      );
      expect(await everything()).toEqual(before);
    });

    it('a stale node is not removed', async () => {
      const root = await save({ name: 'root' });
      const child = await save({ name: 'child', parent: root });
      const { id, version } = child;
      await database.interfere(child);
      const remove = perform(where, database, () => nodes().remove(child));

      expect(await failureOf(remove)).toMatchObject(conflictOn(target.name, id, version));
      expect(await shape()).toEqual(['root < -', 'theirs < root']);
    });
  });
});

function tableOf(target: abstract new () => Node): string {
  return database.plain.getMetadata(target).tableName;
}
