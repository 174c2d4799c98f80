import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  UpdateDateColumn,
  VersionColumn,
  Check,
} from 'typeorm';

@Entity()
export class Supplier {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}

export class Size {
  @Column({ default: 0 })
  widthMm!: number;

  @Column('int', { nullable: true })
  heightMm!: number | null;

  @UpdateDateColumn({ type: 'timestamptz' })
  measuredAt!: Date;
}

/** Has a column of each kind of protection. */
@Entity()
@Check('"price" >= 0')
export class Article {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ unique: true, length: 20 })
  sku!: string;

  @Column()
  name!: string;

  @Column('text', { nullable: true })
  note!: string | null;

  @Column()
  price!: number;

  @Column({ default: 'other' })
  category!: string;

  @Column('numeric', { precision: 8, scale: 2, nullable: true })
  weight!: string | null;

  @Column('jsonb', { default: '{}' })
  details!: Record<string, unknown>;

  @Column(() => Size)
  size!: Size;

  @Column({ default: 'origin', update: false })
  origin!: string;

  @Column({ select: false, default: 'secret' })
  secret!: string;

  @Column('int', { nullable: true })
  supplierId!: number | null;

  @ManyToOne(() => Supplier, { cascade: true, nullable: true })
  @JoinColumn({ name: 'supplierId' })
  supplier!: Relation<Supplier> | null;

  @VersionColumn()
  version!: number;

  @CreateDateColumn({ type: 'timestamptz' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz' })
  updatedAt!: Date;
}

/** Counted by the database, deleted softly, with a version that does not fit a number. */
@Entity()
export class Ticket {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  title!: string;

  @VersionColumn({ type: 'bigint' })
  version!: string;

  @DeleteDateColumn({ type: 'timestamptz' })
  deletedAt!: Date | null;
}

/** Its key is the client's to choose. */
@Entity()
export class Leaflet {
  @PrimaryColumn()
  slug!: string;

  @Column({ default: '' })
  text!: string;

  @VersionColumn()
  version!: number;
}

export const COLOURS = ['red', 'green'] as const;

/** Has a column of each kind of value. */
@Entity()
export class Sample {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column('smallint', { nullable: true })
  small!: number | null;

  @Column('bigint', { nullable: true })
  big!: string | null;

  @Column('double precision', { nullable: true })
  float!: number | null;

  @Column('real', { nullable: true })
  real!: number | null;

  @Column('boolean', { nullable: true })
  flag!: boolean | null;

  @Column('uuid', { nullable: true })
  other!: string | null;

  @Column('date', { nullable: true })
  day!: string | null;

  @Column('timestamptz', { nullable: true })
  moment!: Date | null;

  @Column('time', { nullable: true })
  time!: string | null;

  @Column('enum', { enum: COLOURS, nullable: true })
  colour!: (typeof COLOURS)[number] | null;

  @Column('text', { array: true, nullable: true })
  words!: string[] | null;

  @Column('inet', { nullable: true })
  address!: string | null;

  @Column('numeric', { precision: 6, scale: 2, nullable: true })
  amount!: string | null;

  @VersionColumn()
  version!: number;
}

export const STOCKROOM = [Supplier, Article, Ticket, Leaflet, Sample];
