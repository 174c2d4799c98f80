import {
  Body,
  Controller,
  Delete,
  ForbiddenException,
  Get,
  Headers,
  HttpCode,
  Injectable,
  NotFoundException,
  Param,
  ParseIntPipe,
  ParseUUIDPipe,
  Patch,
  Post,
  Put,
  Res,
  UnprocessableEntityException,
  ValidationPipe,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsInt, IsString, Length } from 'class-validator';
import {
  Column,
  DeleteDateColumn,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  Repository,
  UpdateDateColumn,
  VersionColumn,
  type Relation,
} from 'typeorm';
import { Transactional, VersionedBy } from '@nest-transactional/core';
import { IfMatch, Versioned, type EntityTagCondition } from '@nest-transactional/http';

@Entity()
export class Shelf {
  @PrimaryGeneratedColumn() id!: number;
  @Column() name!: string;
  @OneToMany(() => Volume, (volume) => volume.shelf) volumes!: Relation<Volume[]>;
  @VersionColumn() version!: number;
}

/** A part of its shelf. */
@Entity()
@VersionedBy(() => Shelf, (volume: Volume) => volume.shelf)
export class Volume {
  @PrimaryGeneratedColumn() id!: number;
  @Column() title!: string;
  @ManyToOne(() => Shelf, (shelf) => shelf.volumes) shelf!: Relation<Shelf>;
}

@Entity()
export class Book {
  @PrimaryColumn('uuid') id!: string;
  @Column() title!: string;
  @Column({ default: 0 }) copies!: number;
  @VersionColumn() version!: number;
  @UpdateDateColumn({ type: 'timestamptz' }) updatedAt!: Date;
  @DeleteDateColumn() deletedAt!: Date | null;
}

export const LIBRARY = [Shelf, Volume, Book];

export class BookChanges {
  @IsString() @Length(1, 40) title!: string;
}

class CopiesDto {
  @IsInt() copies!: number;
}

/** Knows nothing of headers, versions or transactions' ends. */
@Injectable()
export class LibraryService {
  constructor(
    @InjectRepository(Book) readonly books: Repository<Book>,
    @InjectRepository(Shelf) readonly shelves: Repository<Shelf>,
    @InjectRepository(Volume) readonly volumes: Repository<Volume>,
  ) {}

  async book(id: string): Promise<Book> {
    const book = await this.books.findOneBy({ id });
    if (book === null) throw new NotFoundException(`There is no book ${id}.`);
    return book;
  }

  @Transactional()
  async rename(id: string, title: string): Promise<Book> {
    return await this.books.save(Object.assign(await this.book(id), { title }));
  }

  @Transactional({ retry: 20 })
  async addCopies(id: string, copies: number): Promise<Book> {
    const book = await this.book(id);
    book.copies += copies;
    return await this.books.save(book);
  }

  @Transactional()
  async put(id: string, title: string): Promise<[Book, boolean]> {
    const found = await this.books.findOneBy({ id });
    if (found !== null) return [await this.books.save(Object.assign(found, { title })), false];
    await this.books.insert({ id, title });
    return [await this.book(id), true];
  }

  @Transactional()
  async addVolume(shelfId: number, title: string): Promise<void> {
    await this.volumes.save({ title, shelf: { id: shelfId } as Shelf });
  }

  @Transactional()
  async renameVolume(id: number, title: string): Promise<Volume> {
    const volume = await this.volumes.findOneByOrFail({ id });
    return await this.volumes.save(Object.assign(volume, { title }));
  }
}

const validated = new ValidationPipe({ transform: true, whitelist: true });

@Controller('books')
export class BooksController {
  constructor(private readonly library: LibraryService) {}

  @Get(':id')
  @Versioned(Book)
  read(@Param('id', ParseUUIDPipe) id: string): Promise<Book> {
    return this.library.book(id);
  }

  /** Answers from the version alone where it can. */
  @Get(':id/quick')
  @Versioned(Book, { revalidate: 'version' })
  quick(@Param('id', ParseUUIDPipe) id: string): Promise<Book> {
    return this.library.book(id);
  }

  @Get(':id/hidden')
  @Versioned(Book)
  hidden(): never {
    throw new ForbiddenException();
  }

  @Get(':id/translated')
  @Versioned(Book, { vary: ['Accept-Language'], cacheControl: 'private, max-age=60' })
  async translated(
    @Param('id', ParseUUIDPipe) id: string,
    @Headers('accept-language') language = 'en',
  ): Promise<object> {
    const { title, version } = await this.library.book(id);
    return { title: `${title} (${language})`, version };
  }

  @Post()
  @Versioned(Book)
  async create(
    @Body(validated) { title }: BookChanges,
    @Body('id') id: string,
    @Res({ passthrough: true }) response: { header: (name: string, value: string) => unknown },
  ): Promise<Book> {
    const book = await this.library.books.save(this.library.books.create({ id, title }));
    response.header('Location', `/books/${id}`);
    return book;
  }

  @Put(':id')
  @Versioned(Book)
  async put(
    @Param('id', ParseUUIDPipe) id: string,
    @Body(validated) { title }: BookChanges,
    @Res({ passthrough: true }) response: { status: (code: number) => unknown },
  ): Promise<Book> {
    const [book, isNew] = await this.library.put(id, title);
    if (isNew) response.status(201);
    return book;
  }

  @Patch(':id')
  @Versioned(Book)
  rename(@Param('id', ParseUUIDPipe) id: string, @Body(validated) { title }: BookChanges): Promise<Book> {
    return this.library.rename(id, title);
  }

  @Patch(':id/strictly')
  @Versioned(Book, { requirePrecondition: true })
  renameStrictly(
    @Param('id', ParseUUIDPipe) id: string,
    @Body(validated) { title }: BookChanges,
  ): Promise<Book> {
    return this.library.rename(id, title);
  }

  @Post(':id/copies')
  @HttpCode(200)
  @Versioned(Book)
  addCopies(@Param('id', ParseUUIDPipe) id: string, @Body(validated) { copies }: CopiesDto): Promise<Book> {
    return this.library.addCopies(id, copies);
  }

  /** Writes nothing of the book at all. */
  @Post(':id/looked-at')
  @HttpCode(204)
  @Versioned(Book)
  async lookedAt(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    await this.library.book(id);
  }

  @Patch(':id/refused')
  @Versioned(Book)
  async refused(@Param('id', ParseUUIDPipe) id: string): Promise<never> {
    await this.library.rename(id, 'refused');
    throw new UnprocessableEntityException('No.');
  }

  @Delete(':id')
  @HttpCode(204)
  @Versioned(Book)
  async remove(@Param('id', ParseUUIDPipe) id: string): Promise<void> {
    await this.library.books.softRemove(await this.library.book(id));
  }

  @Post('seen')
  @HttpCode(200)
  seen(@IfMatch() expected: EntityTagCondition | undefined): object {
    return { expected: expected ?? null };
  }
}

@Controller('shelves')
export class ShelvesController {
  constructor(private readonly library: LibraryService) {}

  @Get(':id')
  @Versioned(Shelf)
  read(@Param('id', ParseIntPipe) id: number): Promise<Shelf | null> {
    return this.library.shelves.findOne({ where: { id }, relations: { volumes: true } });
  }

  /** Writes only a part, and reads nothing of the shelf. */
  @Post(':id/volumes')
  @Versioned(Shelf)
  add(@Param('id', ParseIntPipe) id: number, @Body(validated) { title }: BookChanges): Promise<void> {
    return this.library.addVolume(id, title);
  }
}

@Controller('volumes')
@Versioned(Volume, { by: 'root' })
export class VolumesController {
  constructor(private readonly library: LibraryService) {}

  @Get(':id')
  async read(@Param('id', ParseIntPipe) id: number): Promise<Volume> {
    const volume = await this.library.volumes.findOneBy({ id });
    if (volume === null) throw new NotFoundException();
    return volume;
  }

  @Patch(':id')
  rename(@Param('id', ParseIntPipe) id: number, @Body(validated) { title }: BookChanges): Promise<Volume> {
    return this.library.renameVolume(id, title);
  }

  @Delete(':id')
  @HttpCode(204)
  async remove(@Param('id', ParseIntPipe) id: number): Promise<void> {
    const volume = await this.library.volumes.findOneBy({ id });
    if (volume === null) throw new NotFoundException();
    await this.library.volumes.remove(volume);
  }
}
