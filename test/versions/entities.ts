import 'reflect-metadata';
import {
  BaseEntity,
  ChildEntity,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  Generated,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { VersionPolicy } from './library.js';

abstract class Named {
  @Column()
  name!: string;

  @DeleteDateColumn()
  deletedAt!: Date | null;
}

abstract class Versioned extends Named {
  @VersionColumn()
  version!: number;
}

@Entity()
export class Page extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

/** Its versions arrive as strings. */
@Entity()
export class Ledger extends Named {
  @PrimaryGeneratedColumn()
  id!: number;

  @VersionColumn({ type: 'bigint' })
  version!: string;
}

export class Meta {
  @VersionColumn()
  revision!: number;
}

@Entity()
export class Article extends Named {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column(() => Meta)
  meta!: Meta;
}

@Entity()
export class Ticket extends Named {
  @PrimaryGeneratedColumn()
  id!: number;

  @VersionColumn({ name: 'lock_no' })
  version!: number;
}

@Entity({ schema: 'public', name: 'odd name' })
export class Oddity extends Named {
  @PrimaryGeneratedColumn({ name: 'the id' })
  id!: number;

  @VersionColumn({ name: 'the version' })
  version!: number;
}

/** Its key is chosen by hand. */
@Entity()
export class Country extends Versioned {
  @PrimaryColumn()
  code!: string;
}

@Entity()
export class Seat extends Versioned {
  @PrimaryColumn()
  row!: string;

  @PrimaryColumn()
  place!: number;
}

@Entity()
export class Shelf {
  @PrimaryGeneratedColumn()
  id!: number;
}

/** A relation is part of its key. */
@Entity()
export class Stock extends Versioned {
  @PrimaryColumn()
  shelfId!: number;

  @PrimaryColumn()
  place!: number;

  @ManyToOne(() => Shelf)
  @JoinColumn({ name: 'shelfId' })
  shelf!: Shelf;
}

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
export abstract class Vehicle extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

@ChildEntity()
export class Car extends Vehicle {
  @Column({ nullable: true, type: 'int' })
  doors!: number | null;
}

@ChildEntity()
export class Truck extends Vehicle {
  @Column({ nullable: true, type: 'int' })
  load!: number | null;
}

@Entity()
@Tree('closure-table')
export class Folder extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;

  @TreeParent()
  parent!: Folder | null;

  @TreeChildren({ cascade: true })
  children!: Folder[];
}

@Entity()
@Tree('materialized-path')
export class Chapter extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;

  @TreeParent()
  parent!: Chapter | null;

  @TreeChildren({ cascade: true })
  children!: Chapter[];
}

@Entity()
@Tree('nested-set')
export class Branch extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;

  @TreeParent()
  parent!: Branch | null;

  @TreeChildren({ cascade: true })
  children!: Branch[];
}

@Entity()
export class Order extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;

  @OneToMany(() => Line, (line) => line.order, { cascade: true })
  lines!: Line[];
}

@Entity()
export class Line extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Order, (order) => order.lines)
  order!: Order;
}

/** The active-record style. */
@Entity()
export class Postcard extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  @VersionColumn()
  version!: number;
}

/** The database fills in much of it. */
@Entity()
export class Letter extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  @Generated('uuid')
  token!: string;

  @Column({ default: 1 })
  copies!: number;

  @CreateDateColumn()
  createdAt!: Date;

  @UpdateDateColumn()
  updatedAt!: Date;
}

@Entity()
@VersionPolicy({ missing: 'reject' })
export class Contract extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

@Entity()
@VersionPolicy({ missing: 'ignore' })
export class Leaflet extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

/** Versioned as plain TypeORM does it. */
@Entity()
@VersionPolicy({ enforced: false })
export class Draft extends Versioned {
  @PrimaryGeneratedColumn()
  id!: number;
}

/** Has no version at all. */
@Entity()
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}
