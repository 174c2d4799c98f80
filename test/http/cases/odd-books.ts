import {
  Body,
  Controller,
  Delete,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  Injectable,
  Param,
  ParseIntPipe,
  ParseUUIDPipe,
  Patch,
  Post,
  Put,
  Res,
  ServiceUnavailableException,
  UnauthorizedException,
  UseGuards,
  ValidationPipe,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { Versioned } from '@nest-transactional/http';
import { Book, BookChanges, LibraryService, Shelf } from '../library.js';

/** What Express and Fastify both give with `passthrough`. */
interface Answering {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

/** Lets nobody in but the librarian. */
@Injectable()
class Doorkeeper implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, unknown> }>();
    if (headers['authorization'] === undefined) throw new UnauthorizedException();
    if (headers['authorization'] !== 'librarian') throw new ForbiddenException();
    return true;
  }
}

const id = Param('id', ParseUUIDPipe);
const changes = Body(new ValidationPipe({ transform: true, whitelist: true }));

/** Services that find out only after a while that they come too late. */
@Injectable()
export class Slowcoach {
  constructor(private readonly library: LibraryService) {}

  /** Somebody else changes the book between every read and write of it. */
  @Transactional()
  async rename(bookId: string, title: string): Promise<Book> {
    const book = await this.library.book(bookId);
    await this.elsewhere(bookId);
    return await this.library.books.save(Object.assign(book, { title }));
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async elsewhere(bookId: string): Promise<void> {
    await this.library.books.increment({ id: bookId }, 'copies', 1);
  }
}

/** Handlers that answer otherwise than `BooksController`'s. */
@Controller('odd')
export class OddBooksController {
  constructor(
    private readonly library: LibraryService,
    private readonly slowcoach: Slowcoach,
  ) {}

  @Get(':id/guarded')
  @UseGuards(Doorkeeper)
  @Versioned(Book)
  guarded(@id bookId: string): Promise<Book> {
    return this.library.book(bookId);
  }

  @Patch(':id/guarded')
  @UseGuards(Doorkeeper)
  @Versioned(Book, { requirePrecondition: true })
  renameGuarded(@id bookId: string, @changes { title }: BookChanges): Promise<Book> {
    return this.library.rename(bookId, title);
  }

  @Get(':id/answered/:status')
  @Versioned(Book)
  async answered(
    @id bookId: string,
    @Param('status', ParseIntPipe) status: number,
    @Res({ passthrough: true }) response: Answering,
  ): Promise<Book> {
    const book = await this.library.book(bookId);
    response.status(status);
    return book;
  }

  @Patch(':id/answered/:status')
  @Versioned(Book)
  async renameAnswered(
    @id bookId: string,
    @Param('status', ParseIntPipe) status: number,
    @Res({ passthrough: true }) response: Answering,
  ): Promise<Book> {
    const book = await this.library.rename(bookId, 'answered');
    response.status(status);
    return book;
  }

  @Get(':id/described')
  @Header('Expires', 'Sun, 06 Nov 1994 09:49:37 GMT')
  @Header('Content-Location', '/described')
  @Header('Cache-Control', 'public, max-age=5')
  @Header('Vary', 'Origin')
  @Versioned(Book, { vary: ['Accept-Language', 'Accept'] })
  described(@id bookId: string): Promise<Book> {
    return this.library.book(bookId);
  }

  /** Its content shows no version. */
  @Get(':id/title')
  @Versioned(Book)
  async title(@id bookId: string): Promise<object> {
    return { title: (await this.library.book(bookId)).title };
  }

  /** Its content shows that of another book. */
  @Get(':id/sequel')
  @Versioned(Book)
  async sequel(@id bookId: string): Promise<Book> {
    return Object.assign(await this.library.book(bookId), { id: '00000000-0000-4000-8000-ffffffffffff' });
  }

  @Patch(':id/broken')
  @Versioned(Book)
  async broken(@id bookId: string): Promise<never> {
    await this.library.rename(bookId, 'broken');
    throw new Error('secret');
  }

  @Patch(':id/closed')
  @Versioned(Book)
  async closed(@id bookId: string): Promise<never> {
    await this.library.rename(bookId, 'closed');
    throw new ServiceUnavailableException();
  }

  /** The first try is the only one that can meet a conflict: any further would lock the book first. */
  @Patch(':id/contested')
  @Versioned(Book, { retry: false })
  contested(@id bookId: string, @changes { title }: BookChanges): Promise<Book> {
    return this.slowcoach.rename(bookId, title);
  }

  @Patch(':id/translated')
  @Versioned(Book, { vary: ['Accept-Language'] })
  translated(@id bookId: string, @changes { title }: BookChanges): Promise<Book> {
    return this.library.rename(bookId, title);
  }

  /** Shows nothing of what it has done. */
  @Patch(':id/silently')
  @HttpCode(204)
  @Versioned(Book)
  async silently(@id bookId: string, @changes { title }: BookChanges): Promise<void> {
    await this.library.rename(bookId, title);
  }

  /** Overwrites whatever is there. */
  @Put(':id/upserted')
  @Versioned(Book)
  async upserted(@id bookId: string, @changes { title }: BookChanges): Promise<void> {
    await this.library.books.upsert({ id: bookId, title }, ['id']);
  }

  /** Brings back what was deleted softly. */
  @Put(':id/revived')
  @Versioned(Book)
  async revived(@id bookId: string, @changes { title }: BookChanges): Promise<Book> {
    const book = await this.library.books.findOneOrFail({ where: { id: bookId }, withDeleted: true });
    return await this.library.books.save(Object.assign(book, { title, deletedAt: null }));
  }

  /** For good. */
  @Delete(':id')
  @HttpCode(204)
  @Versioned(Book)
  async destroy(@id bookId: string): Promise<void> {
    await this.library.books.remove(await this.library.book(bookId));
  }

  /** Takes for a key whatever JavaScript takes for a number. */
  @Patch('shelves/:id')
  @Versioned(Shelf)
  async renameShelf(@Param('id') shelfId: string, @changes { title }: BookChanges): Promise<Shelf> {
    const shelf = await this.library.shelves.findOneByOrFail({ id: Number(shelfId) });
    return await this.library.shelves.save(Object.assign(shelf, { name: title }));
  }

  @Patch('shelves/:id/strictly')
  @Versioned(Shelf, { requirePrecondition: true })
  renameShelfStrictly(@Param('id') shelfId: string, @changes renamed: BookChanges): Promise<Shelf> {
    return this.renameShelf(shelfId, renamed);
  }

  /** The resource is the one that the content names. */
  @Post('renamed')
  @HttpCode(200)
  @Versioned(Book, { id: 'body.id' })
  renameByBody(@Body('id') bookId: string, @changes { title }: BookChanges): Promise<Book> {
    return this.library.rename(bookId, title);
  }
}
