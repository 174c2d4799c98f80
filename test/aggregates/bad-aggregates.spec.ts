import { describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  VersionColumn,
} from 'typeorm';
import { enlist, InvalidOptionsError, VersionedBy } from '@nest-transactional/core';
import { openDataSource } from '../transactions/enlisted-database.js';

@Entity()
class Unversioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

@Entity()
class Root {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  code!: string;

  @VersionColumn()
  version!: number;

  @OneToMany(() => Named, (named) => named.root)
  parts?: Named[];
}

@Entity()
class Named {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @ManyToOne(() => Root, (root) => root.parts)
  root?: Root;

  @ManyToOne(() => Unversioned)
  unversioned?: Unversioned;

  @ManyToMany(() => Root)
  roots?: Root[];
}

/** Enlists a data source in which `Part` is a part as `declare` says. */
async function enlistPart(root: () => new () => object, relation: (part: any) => any): Promise<void> {
  @Entity()
  @VersionedBy(root, relation)
  class Part extends Named {}
  const dataSource = await openDataSource({ entities: [Root, Unversioned, Named, Part] });
  try {
    enlist(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

describe('a part of an aggregate is refused when its data source is enlisted', () => {
  it.each([
    [
      'its root has no version',
      () => Unversioned,
      'unversioned',
      /Unversioned has no version.*@VersionColumn/,
    ],
    ['it names a column', () => Root, 'name', /'name' is not a many-to-one.*Part/],
    ['it names nothing there is', () => Root, 'nowhere', /'undefined' is not a many-to-one/],
    ['it names a many-to-many relation', () => Root, 'roots', /'roots' is not a many-to-one/],
  ] as const)('when %s', async (_, root, property, message) => {
    const work = enlistPart(root as never, (part: Record<string, unknown>) => part[property]);

    await expect(work).rejects.toThrow(InvalidOptionsError);
    await expect(work).rejects.toThrow(message);
  });
});
