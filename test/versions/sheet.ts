import 'reflect-metadata';
import {
  Column,
  Entity,
  EventSubscriber,
  ManyToOne,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
  type EntitySubscriberInterface,
  type UpdateEvent,
} from 'typeorm';

@Entity()
export class Owner {
  @PrimaryGeneratedColumn()
  id!: number;
}

export class Size {
  @Column({ default: 1 })
  width!: number;

  @Column({ nullable: true, type: 'int' })
  height!: number | null;
}

/** What the application makes of a column; it can be changed in place. */
export class Money {
  constructor(private cents: number) {}

  static readonly asColumn = {
    to: (money: Money) => money?.cents,
    from: (cents: number) => new Money(cents),
  };

  spend(): void {
    this.cents--;
  }
}

abstract class Comparable {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  title!: string;

  @Column({ nullable: true, type: 'text' })
  note!: string | null;

  @Column({ type: 'jsonb', default: {} })
  data!: Record<string, unknown>;

  @Column({ type: 'simple-json', default: '{}' })
  json!: Record<string, unknown>;

  @Column({ type: 'int', array: true, default: [] })
  numbers!: number[];

  @Column({ type: 'simple-array', default: '' })
  tags!: string[];

  @Column({ type: 'timestamptz', nullable: true })
  at!: Date | null;

  @Column({ type: 'date', nullable: true })
  day!: string | null;

  @Column({ type: 'time', nullable: true })
  time!: string | null;

  @Column({ type: 'numeric', nullable: true, precision: 10, scale: 2 })
  price!: string | null;

  @Column({ type: 'bytea', nullable: true })
  bytes!: Buffer | null;

  @Column({ update: false, default: 'first' })
  written!: string;

  @Column({ select: false, default: 'secret' })
  secret!: string;

  @ManyToOne(() => Owner)
  owner!: Owner | null;

  @UpdateDateColumn()
  updatedAt!: Date;

  @VersionColumn()
  version!: number;
}

/** Has a column of each sort that TypeORM compares in a way of its own. */
@Entity()
export class Sheet extends Comparable {
  @Column(() => Size)
  size!: Size;

  /** Only {@link WrappedSheet} has them. */
  shouted?: string;
  money?: Money;
}

/** Has nothing that one UPDATE could not write. */
@Entity()
export class FlatSheet extends Comparable {
  size?: Size;
  shouted?: string;
  money?: Money;
}

/** Has columns, too, whose values are what the application makes of them. */
@Entity()
export class WrappedSheet extends Comparable {
  @Column({
    type: 'text',
    default: 'plain',
    transformer: {
      to: (value: string) => value?.toLowerCase(),
      from: (value: string) => value?.toUpperCase(),
    },
  })
  shouted?: string;

  @Column({ type: 'int', default: 9, transformer: Money.asColumn })
  money?: Money;

  @Column(() => Size)
  size!: Size;
}

/** Keeps its values to itself. */
@Entity()
export class SealedSheet {
  #title = '';

  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  get title(): string {
    return this.#title;
  }
  set title(title: string) {
    this.#title = title;
  }

  @VersionColumn()
  version!: number;
}

export type SheetClass = typeof Sheet | typeof WrappedSheet;

/** What the subscriber hears, and does. */
export const heard: object[] = [];
export const behaviour = { stamps: false };

@EventSubscriber()
export class SheetListener implements EntitySubscriberInterface<Sheet> {
  beforeUpdate(event: UpdateEvent<Sheet>): void {
    if (behaviour.stamps) event.entity!['note'] = 'stamped';
    this.#hear('beforeUpdate', event);
  }

  afterUpdate(event: UpdateEvent<Sheet>): void {
    this.#hear('afterUpdate', event);
  }

  #hear(
    name: string,
    { entity, databaseEntity, updatedColumns, updatedRelations }: UpdateEvent<Sheet>,
  ): void {
    heard.push(
      structuredClone({
        name,
        entity: timeless(entity as Sheet),
        databaseEntity: timeless(databaseEntity),
        columns: updatedColumns.map(({ propertyPath }) => propertyPath).toSorted(),
        relations: updatedRelations.map(({ propertyPath }) => propertyPath),
      }),
    );
  }
}

/** Without what differs each time. */
export function timeless(sheet: Partial<Sheet> | undefined): object | undefined {
  if (sheet === undefined) return undefined;
  const { updatedAt, ...rest } = sheet;
  return { ...rest, isTouched: updatedAt === undefined ? undefined : updatedAt.getFullYear() > 2001 };
}
