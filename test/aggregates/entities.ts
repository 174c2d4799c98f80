import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
} from 'typeorm';
import { VersionedBy } from '@nest-transactional/core';

@Entity()
export class Label {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}

@Entity()
export class Warehouse {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;
}

/** A root that is itself a part of another one. */
@Entity()
@VersionedBy(() => Warehouse, (basket) => basket.warehouse)
export class Basket {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @VersionColumn()
  version!: number;

  @UpdateDateColumn()
  updatedAt!: Date;

  @ManyToOne(() => Warehouse, { nullable: true })
  warehouse?: Warehouse | null;

  @OneToMany(() => Item, (item) => item.basket, { cascade: true })
  items?: Item[];

  @ManyToMany(() => Label)
  @JoinTable()
  labels?: Label[];
}

@Entity()
@VersionedBy(() => Basket, (item) => item.basket)
export class Item {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  name!: string;

  @Column({ default: 1 })
  quantity!: number;

  @Column({ nullable: true, type: 'int' })
  basketId?: number | null;

  @ManyToOne(() => Basket, (basket) => basket.items, { nullable: true, onDelete: 'CASCADE' })
  basket?: Basket | null;

  @CreateDateColumn()
  createdAt!: Date;

  @DeleteDateColumn()
  deletedAt?: Date | null;
}

/** Refers to a root, and is no part of it. */
@Entity()
export class Remark {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;

  @ManyToOne(() => Basket)
  basket?: Basket;
}
