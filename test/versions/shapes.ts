import 'reflect-metadata';
import {
  AfterLoad,
  ChildEntity,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  EventSubscriber,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  RelationId,
  TableInheritance,
  VersionColumn,
  VirtualColumn,
  type EntitySubscriberInterface,
} from 'typeorm';

/** What listens to loading has heard. */
export const loaded: string[] = [];

/** Nothing unusual, but its columns have other names than its properties. */
@Entity()
export class Usual {
  @PrimaryGeneratedColumn({ name: 'usual_id' })
  id!: number;

  @Column({ name: 'name' })
  title!: string;

  @Column({ name: 'title', nullable: true, type: 'text' })
  name!: string | null;

  @VersionColumn()
  version!: number;
}

enum Colour {
  Red = 'red',
  Blue = 'blue',
}

/** Has types of which TypeORM makes something else than the driver does. */
@Entity()
export class Typed {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ type: 'bigint', default: 1 })
  big!: string;

  @Column({ default: true })
  flag!: boolean;

  @Column({ type: 'enum', enum: Colour, default: Colour.Red })
  colour!: Colour;

  @Column({ type: 'enum', enum: [1, 2], default: 1 })
  level!: number;

  @Column({ type: 'enum', enum: Colour, array: true, default: '{red,blue}' })
  colours!: Colour[];

  @Column({ type: 'float', default: 1.5 })
  float!: number;

  @Column({ type: 'timestamp', default: () => "'2001-01-01'" })
  at!: Date;

  @Column({ type: 'point', default: () => "'(1,2)'" })
  point!: object;

  @Column({ type: 'text', array: true, default: '{"a",NULL}' })
  texts!: (string | null)[];

  @Column({ type: 'date', array: true, default: '{2001-01-01}' })
  days!: string[];

  @Column({ type: 'text', default: 'a', transformer: { to: (it: string) => it, from: (it: string) => [it] } })
  wrapped!: unknown;

  @CreateDateColumn()
  madeAt!: Date;
}

@Entity()
export class Paired {
  @PrimaryColumn({ name: 'b' })
  a!: number;

  @PrimaryColumn({ name: 'a' })
  b!: string;

  @Column({ nullable: true, type: 'text' })
  name!: string | null;
}

@Entity()
export class Deletable {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ select: false, default: 'secret' })
  secret!: string;

  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity()
export class Heard {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: '' })
  name!: string;

  @AfterLoad()
  hear(): Promise<void> {
    loaded.push(`listener: ${this.name}`);
    this.name += ', loaded';
    return Promise.resolve();
  }
}

/** Its properties have values before anything is loaded. */
@Entity()
export class Filled {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ nullable: true, type: 'text' })
  name: string | null = 'unnamed';

  readonly notes: string[] = ['a note'];
  others: Usual[] = [];

  @ManyToOne(() => Heard)
  heard: Heard = Object.assign(new Heard(), { name: 'made by hand' });
}

@EventSubscriber()
export class HeardSubscriber implements EntitySubscriberInterface<Heard> {
  listenTo(): typeof Heard {
    return Heard;
  }

  afterLoad(entity: Heard): void {
    loaded.push(`subscriber: ${entity.name}`);
  }
}

@Entity()
export class Eager {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Usual, { eager: true })
  usual!: Usual | null;

  @OneToMany(() => Pointer, (pointer) => pointer.eager)
  pointers!: Pointer[];
}

@Entity()
export class Pointer {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Eager)
  eager!: Eager | null;

  @RelationId((pointer: Pointer) => pointer.eager)
  eagerId!: number | null;
}

/** For itself, as to look into it loads the relation. */
@Entity()
export class Lazy {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Usual, { lazy: true })
  usual!: Promise<Usual>;
}

@Entity()
export class Computed {
  @PrimaryGeneratedColumn()
  id!: number;

  @VirtualColumn({ query: (alias) => `SELECT ${alias}.id + 1`, type: 'int' })
  next!: number;
}

@Entity()
@TableInheritance({ column: { type: 'varchar', name: 'kind' } })
export class Animal {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: '' })
  name!: string;
}

@ChildEntity()
export class Dog extends Animal {
  @Column({ nullable: true, type: 'int' })
  barks!: number | null;
}

export class Place {
  @Column({ default: 0 })
  x!: number;
}

/** Something embedded, and aliases longer than the server takes them. */
@Entity()
export class RatherLongNameOfAnEntityThatIsStillAllowedAsTheNameOfATable {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 'long' })
  ratherLongNameOfAPropertyThatIsStillAllowedAsTheNameOfAColumn!: string;

  @Column(() => Place)
  place!: Place;
}

export const Schematic = new EntitySchema<{ id: number; name: string }>({
  name: 'Schematic',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: String, default: 'named' } },
});

export const SHAPES = [
  Usual,
  Typed,
  Paired,
  Deletable,
  Filled,
  Heard,
  Eager,
  Pointer,
  Computed,
  Animal,
  Dog,
  RatherLongNameOfAnEntityThatIsStillAllowedAsTheNameOfATable,
  Schematic,
];
