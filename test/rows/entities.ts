import {
  AfterInsert,
  BeforeInsert,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  Unique,
  VersionColumn,
} from 'typeorm';

@Entity()
export class Customer {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  email!: string;

  @Column({ type: 'text', unique: true, nullable: true })
  nickname!: string | null;

  @Column({ default: 0 })
  visits!: number;

  @CreateDateColumn()
  since!: Date;

  @VersionColumn()
  version!: number;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  @OneToMany(() => Purchase, (purchase) => purchase.customer, { cascade: true })
  purchases!: Purchase[];

  /** Which listeners it has met. */
  heard?: string[];

  @BeforeInsert()
  beforeInsert(): void {
    this.heard = [...(this.heard ?? []), 'before'];
  }

  @AfterInsert()
  afterInsert(): void {
    this.heard = [...(this.heard ?? []), 'after'];
  }
}

/** A child: its foreign key is checked against the customer's row. */
@Entity()
export class Purchase {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Customer, (customer) => customer.purchases)
  customer!: Customer;
}

/** A composite key, and a relation that is always loaded. */
@Entity()
export class Seat {
  @PrimaryColumn()
  hall!: string;

  @PrimaryColumn()
  number!: number;

  @Column({ default: 'free' })
  state!: string;

  @Column({ type: 'text', nullable: true })
  @Index({ unique: true })
  code!: string | null;

  @Column({ type: 'int', nullable: true })
  holderId!: number | null;

  @ManyToOne(() => Customer, { eager: true, nullable: true })
  @JoinColumn({ name: 'holderId' })
  holder!: Customer | null;
}

class Period {
  @Column()
  year!: number;

  @Column()
  quarter!: number;
}

/** Nothing is generated in it, and a part of its key is embedded. */
@Entity()
@Unique(['shop', 'period.year', 'period.quarter'])
export class Report {
  @PrimaryColumn()
  title!: string;

  @Column()
  shop!: string;

  @Column(() => Period)
  period!: Period;
}

/** A relation is a part of its key. */
@Entity()
@Unique(['customer', 'topic'])
export class Subscription {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @ManyToOne(() => Customer)
  customer!: Customer;

  @Column()
  topic!: string;

  @Column({ default: false })
  weekly!: boolean;
}

@Entity()
export class Passport {
  @PrimaryGeneratedColumn()
  id!: number;

  @OneToOne(() => Customer)
  @JoinColumn()
  customer!: Customer;

  @Column({ default: '' })
  number!: string;
}

/** Its unique keys cannot tell who may create a row. */
@Entity()
@Unique(['place'], { deferrable: 'INITIALLY DEFERRED' })
export class Draft {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @Index({ unique: true, where: '"place" > 0' })
  slug!: string;

  @Column()
  place!: number;
}

export const ROW_ENTITIES = [Customer, Purchase, Seat, Report, Subscription, Passport, Draft];
