import { Readable } from 'node:stream';
import {
  ConflictException,
  Controller,
  Delete,
  Get,
  Head,
  HttpCode,
  HttpException,
  Injectable,
  Next,
  Options,
  Param,
  Post,
  Res,
  Sse,
  StreamableFile,
} from '@nestjs/common';
import { afterCommit, NonAtomic, Transactional, TransactionManager } from '@nest-transactional/core';
import { EMPTY, of, throwError, type Observable } from 'rxjs';
import { LibraryService, type Shelf } from './library.js';

interface Answering {
  status(code: number): unknown;
}

/** What a service says of the transaction that it is in. */
interface Seen {
  readonly id: string;
  readonly isolation: string;
  readonly readOnly: string;
  readonly attempt: number;
}

/** Every method is transactional, whether it writes or not. */
@Transactional()
@Injectable()
export class ShelvesService {
  readonly seen: Seen[] = [];
  readonly hooks: string[] = [];

  constructor(
    private readonly library: LibraryService,
    private readonly transactions: TransactionManager,
  ) {}

  async add(name: string): Promise<Shelf> {
    await this.look();
    afterCommit(() => void this.hooks.push(name));
    return await this.library.shelves.save({ name } as Shelf);
  }

  async names(): Promise<string[]> {
    await this.look();
    return (await this.library.shelves.find()).map(({ name }) => name);
  }

  @Transactional({ isolation: 'SERIALIZABLE' })
  async addSerializably(name: string): Promise<Shelf> {
    return await this.add(name);
  }

  @Transactional({ isolation: 'REPEATABLE READ' })
  async namesRepeatably(): Promise<string[]> {
    return await this.names();
  }

  /** Fails at the first tries. */
  @Transactional({ retry: { maxRetries: 2, on: (error) => error instanceof ConflictException } })
  async addAtLast(name: string): Promise<Shelf> {
    const shelf = await this.add(name);
    if (this.transactions.current!.attempt < 3) throw new ConflictException();
    return shelf;
  }

  @Transactional({ propagation: 'REQUIRES_NEW' })
  async addApart(name: string): Promise<Shelf> {
    return await this.library.shelves.save({ name } as Shelf);
  }

  private async look(): Promise<void> {
    const [row] = await this.transactions
      .entityManager()
      .query(
        `SELECT current_setting('transaction_isolation') AS isolation, current_setting('transaction_read_only') AS "readOnly"`,
      );
    const { id, attempt } = this.transactions.current!;
    this.seen.push({ id, attempt, ...row });
  }
}

@Controller('modes')
export class ModesController {
  constructor(
    private readonly shelves: ShelvesService,
    private readonly library: LibraryService,
  ) {}

  @Post('shelves/:name')
  async add(@Param('name') name: string): Promise<Shelf> {
    return await this.shelves.add(name);
  }

  /** Two calls, of which the second may fail. */
  @Post('pairs/:name')
  async addPair(@Param('name') name: string): Promise<void> {
    await this.shelves.add(name);
    await this.shelves.add(`${name} again`);
    if (name.startsWith('bad')) throw new ConflictException('The second is bad.');
  }

  @Post('autocommit/:name')
  async addWithoutService(@Param('name') name: string): Promise<never> {
    await this.library.shelves.insert({ name });
    throw new HttpException('found elsewhere', 302);
  }

  @Post('answered/:status/:name')
  async answer(
    @Param('status') status: string,
    @Param('name') name: string,
    @Res({ passthrough: true }) response: Answering,
  ): Promise<object> {
    await this.shelves.add(name);
    response.status(Number(status));
    return { name };
  }

  @Post('caught/:name')
  async addAndCatch(@Param('name') name: string): Promise<string> {
    await this.shelves.add(name);
    await this.library.shelves.query('SELECT 1/0').catch(() => undefined);
    return 'fine';
  }

  @Post('apart/:name')
  async addApart(@Param('name') name: string): Promise<never> {
    await this.shelves.addApart(name);
    throw new ConflictException();
  }

  @Post('serializable/:name')
  async addSerializably(@Param('name') name: string): Promise<Shelf> {
    return await this.shelves.addSerializably(name);
  }

  @Post('serializable-late/:name')
  async addSerializablyLate(@Param('name') name: string): Promise<Shelf> {
    await this.shelves.names();
    return await this.shelves.addSerializably(name);
  }

  @Post('retried/:name')
  async addAtLast(@Param('name') name: string): Promise<Shelf> {
    return await this.shelves.addAtLast(name);
  }

  @Post('observed/:name')
  observe(@Param('name') name: string): Observable<string> {
    return name === 'bad' ? throwError(() => new ConflictException()) : of('first', name);
  }

  @Post('empty')
  empty(): Observable<never> {
    return EMPTY;
  }

  @Get('names')
  async names(): Promise<string[]> {
    return await this.shelves.names();
  }

  @Get('names/repeatable')
  async namesRepeatably(): Promise<string[]> {
    return await this.shelves.namesRepeatably();
  }

  @Get('shelves/:name')
  async addByGet(@Param('name') name: string): Promise<Shelf> {
    return await this.shelves.add(name);
  }

  @Head('head/:name')
  async addByHead(@Param('name') name: string): Promise<void> {
    await this.shelves.add(name);
  }

  @Options('options/:name')
  async addByOptions(@Param('name') name: string): Promise<void> {
    await this.shelves.add(name);
  }

  @Delete('shelves')
  @HttpCode(204)
  async clear(): Promise<void> {
    await this.library.shelves.createQueryBuilder().delete().execute();
  }

  @NonAtomic()
  @Post('by-steps/:name')
  async addBySteps(@Param('name') name: string): Promise<never> {
    await this.shelves.add(name);
    throw new ConflictException();
  }

  @NonAtomic()
  @Get('by-steps/:name')
  async getBySteps(@Param('name') name: string): Promise<Shelf> {
    return await this.shelves.add(name);
  }

  @NonAtomic()
  @Get('streamed')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from(['a', 'b']));
  }
}

@NonAtomic()
@Controller('steps')
export class StepsController {
  constructor(private readonly shelves: ShelvesService) {}

  @Post(':name')
  async add(@Param('name') name: string): Promise<never> {
    await this.shelves.add(name);
    throw new ConflictException();
  }

  @Get('raw')
  raw(@Res() response: { send(body: string): unknown }): void {
    response.send('raw');
  }
}

/** What each stream became of. */
export const opened: Readable[] = [];

function aReadable(): Readable {
  const readable = Readable.from(['a', 'b']);
  opened.push(readable);
  return readable;
}

/** Answers with a stream where nobody could have known. */
@Controller('streams')
export class StreamsController {
  constructor(private readonly shelves: ShelvesService) {}

  @Post('file')
  async file(): Promise<StreamableFile> {
    await this.shelves.add('file');
    return new StreamableFile(aReadable());
  }

  @Post('readable')
  async readable(): Promise<Readable> {
    await this.shelves.add('readable');
    return aReadable();
  }

  @Post('web')
  async web(): Promise<ReadableStream> {
    await this.shelves.add('web');
    return new ReadableStream({ start: (controller) => controller.enqueue('a') });
  }

  @Post('generator')
  async generator(): Promise<AsyncGenerator<string>> {
    await this.shelves.add('generator');
    return (async function* () {
      yield* ['a', 'b'];
    })();
  }

  @Post('response')
  async response(): Promise<Response> {
    await this.shelves.add('response');
    return new Response('a', { status: 409 });
  }

  @Post('bodiless')
  async bodiless(): Promise<Response> {
    await this.shelves.add('bodiless');
    return new Response(null, { status: 409 });
  }

  @Get('file')
  getFile(): StreamableFile {
    return new StreamableFile(aReadable());
  }
}

@Controller('res')
export class ResController {
  @Get()
  answer(@Res() response: { send(body: string): unknown }): void {
    response.send('raw');
  }
}

@Controller('next')
export class NextController {
  @Post()
  pass(@Next() next: () => void): void {
    next();
  }
}

@Controller('sse')
export class SseController {
  @Sse()
  events(): Observable<{ data: string }> {
    return of({ data: 'a' });
  }
}
