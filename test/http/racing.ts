import {
  Body,
  Controller,
  HttpCode,
  Injectable,
  Param,
  ParseIntPipe,
  Patch,
  Post,
  Put,
} from '@nestjs/common';
import { Transactional } from '@nest-transactional/core';
import { Versioned } from '@nest-transactional/http';
import { Book, LibraryService, Shelf, Volume } from './library.js';

type Titled = { title: string };

/** Writes at each isolation level; none of it knows what a client may have asked for. */
@Injectable()
export class RacingService {
  /** Called between reading and writing. */
  between: () => Promise<void> = () => Promise.resolve();

  constructor(readonly library: LibraryService) {}

  @Transactional({ isolation: 'REPEATABLE READ' })
  renameRepeatably(id: string, title: string): Promise<Book> {
    return this.rename(id, title);
  }

  @Transactional({ isolation: 'SERIALIZABLE', retry: 5 })
  renameSerializably(id: string, title: string): Promise<Book> {
    return this.rename(id, title);
  }

  @Transactional({ retry: { maxRetries: 5 } })
  renameRepeatedly(id: string, title: string): Promise<Book> {
    return this.rename(id, title);
  }

  @Transactional({ isolation: 'SERIALIZABLE' })
  putSerializably(id: string, title: string): Promise<unknown> {
    return this.library.put(id, title);
  }

  /** Takes what is there by now, whatever was there before. */
  @Transactional()
  async putLate(id: string, title: string): Promise<unknown> {
    await this.between();
    return await this.library.put(id, title);
  }

  @Transactional()
  async upsertLate(id: string, title: string): Promise<void> {
    await this.between();
    await this.library.books.upsert({ id, title }, ['id']);
  }

  @Transactional()
  async putTwice(id: string, title: string): Promise<Book> {
    const [book] = await this.library.put(id, 'draft');
    return await this.library.books.save(Object.assign(book, { title }));
  }

  /** Writes only the root. */
  @Transactional()
  async cancel(id: number): Promise<void> {
    const shelf = await this.library.shelves.findOneByOrFail({ id });
    await this.library.shelves.save(Object.assign(shelf, { name: 'cancelled' }));
  }

  /** Refuses to write a part of what was cancelled, as it sees it. */
  @Transactional({ isolation: 'REPEATABLE READ' })
  renameVolume(id: number, title: string): Promise<Volume> {
    return this.library.renameVolume(id, title);
  }

  private async rename(id: string, title: string): Promise<Book> {
    const book = await this.library.book(id);
    await this.between();
    return await this.library.books.save(Object.assign(book, { title }));
  }
}

@Controller('racing')
export class RacingController {
  constructor(private readonly racing: RacingService) {}

  @Patch('repeatable/:id')
  @Versioned(Book)
  repeatable(@Param('id') id: string, @Body() { title }: Titled): Promise<Book> {
    return this.racing.renameRepeatably(id, title);
  }

  @Patch('serializable/:id')
  @Versioned(Book)
  serializable(@Param('id') id: string, @Body() { title }: Titled): Promise<Book> {
    return this.racing.renameSerializably(id, title);
  }

  @Patch('repeated/:id')
  @Versioned(Book)
  repeated(@Param('id') id: string, @Body() { title }: Titled): Promise<Book> {
    return this.racing.renameRepeatedly(id, title);
  }

  @Patch('once/:id')
  @Versioned(Book, { retry: false })
  once(@Param('id') id: string, @Body() { title }: Titled): Promise<Book> {
    return this.racing.library.rename(id, title);
  }

  @Put('serializable/:id')
  @HttpCode(201)
  @Versioned(Book)
  async putSerializably(@Param('id') id: string, @Body() { title }: Titled): Promise<void> {
    await this.racing.putSerializably(id, title);
  }

  @Put('late/:id')
  @HttpCode(201)
  @Versioned(Book)
  async putLate(@Param('id') id: string, @Body() { title }: Titled): Promise<void> {
    await this.racing.putLate(id, title);
  }

  @Put('upserted/:id')
  @HttpCode(201)
  @Versioned(Book)
  upsertLate(@Param('id') id: string, @Body() { title }: Titled): Promise<void> {
    return this.racing.upsertLate(id, title);
  }

  @Put('twice/:id')
  @HttpCode(201)
  @Versioned(Book)
  putTwice(@Param('id') id: string, @Body() { title }: Titled): Promise<Book> {
    return this.racing.putTwice(id, title);
  }

  @Post('shelves/:id/cancel')
  @HttpCode(200)
  @Versioned(Shelf)
  cancel(@Param('id', ParseIntPipe) id: number): Promise<void> {
    return this.racing.cancel(id);
  }

  @Patch('volumes/:id')
  @Versioned(Volume, { by: 'root' })
  renameVolume(@Param('id', ParseIntPipe) id: number, @Body() { title }: Titled): Promise<Volume> {
    return this.racing.renameVolume(id, title);
  }
}
