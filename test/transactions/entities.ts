import 'reflect-metadata';
import {
  BaseEntity,
  Column,
  DeleteDateColumn,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  Tree,
  TreeChildren,
  TreeParent,
} from 'typeorm';

@Entity()
export class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  text!: string;

  @Column({ default: 0 })
  likes!: number;

  @DeleteDateColumn()
  deletedAt!: Date | null;
}

/** The active-record style. */
@Entity()
export class Postcard extends BaseEntity {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

@Entity()
export class Author {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @OneToMany(() => Book, (book) => book.author)
  books!: Promise<Book[]>;
}

@Entity()
export class Book {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  title!: string;

  @ManyToOne(() => Author, (author) => author.books)
  author!: Promise<Author | null>;

  @ManyToMany(() => Note)
  @JoinTable()
  notes!: Note[];
}

@Entity()
@Tree('closure-table')
export class Folder {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @TreeParent()
  parent!: Folder | null;

  @TreeChildren()
  children!: Folder[];
}

@Entity()
@Tree('materialized-path')
export class Chapter {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @TreeParent()
  parent!: Chapter | null;

  @TreeChildren()
  children!: Chapter[];
}

export const ENTITIES = [Note, Postcard, Author, Book, Folder, Chapter];
