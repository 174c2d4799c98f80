import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  ParseIntPipe,
  Post,
  SetMetadata,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { InjectRepository } from '@nestjs/typeorm';
import { ApiOperation, ApiProperty, ApiResponse, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { map, type Observable } from 'rxjs';
import type { Repository } from 'typeorm';
import { Transactional, TransactionManager } from '@nest-transactional/core';
import { listen, startApplication } from '../transactions/application.js';
import { EnlistedDatabase } from '../transactions/enlisted-database.js';
import { Note } from '../transactions/entities.js';
import { Cached, Logged, logged } from './wrapping-decorators.js';

class NoteDto {
  @ApiProperty()
  text!: string;
}

class RoleGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const role: unknown = new Reflector().get('role', context.getHandler());
    return role === context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['role'];
  }
}

class Enveloped implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data) => ({ data: data as unknown })));
  }
}

class UpperCase implements PipeTransform {
  transform(value: unknown): unknown {
    return typeof value === 'object' && value !== null && 'text' in value
      ? { ...value, text: String(value.text).toUpperCase() }
      : value;
  }
}

/** The same handler twice: with the decorator above all others, and below them. */
@Controller()
class Notes {
  constructor(
    @InjectRepository(Note) private readonly notes: Repository<Note>,
    private readonly transactions: TransactionManager,
  ) {}

  @Transactional()
  @Post('above/:likes')
  @HttpCode(202)
  @ApiOperation({ summary: 'Writes a note (above)' })
  @ApiResponse({ status: 202, type: NoteDto })
  @SetMetadata('role', 'writer')
  @UseGuards(RoleGuard)
  @UsePipes(UpperCase)
  @UseInterceptors(Enveloped)
  async above(@Param('likes', ParseIntPipe) likes: number, @Body() note: NoteDto): Promise<NoteDto> {
    return await this.write(note.text, likes);
  }

  @Post('below/:likes')
  @HttpCode(202)
  @ApiOperation({ summary: 'Writes a note (below)' })
  @ApiResponse({ status: 202, type: NoteDto })
  @SetMetadata('role', 'writer')
  @UseGuards(RoleGuard)
  @UsePipes(UpperCase)
  @UseInterceptors(Enveloped)
  @Transactional()
  async below(@Param('likes', ParseIntPipe) likes: number, @Body() note: NoteDto): Promise<NoteDto> {
    return await this.write(note.text, likes);
  }

  @Logged()
  @Transactional()
  async loggedAbove(text: string): Promise<NoteDto> {
    return await this.write(text, 0);
  }

  @Transactional()
  @Logged()
  async loggedBelow(text: string): Promise<NoteDto> {
    return await this.write(text, 0);
  }

  @Cached()
  @Transactional()
  async cachedAbove(text: string): Promise<NoteDto> {
    return await this.write(text, 0);
  }

  @Transactional()
  @Cached()
  async cachedBelow(text: string): Promise<NoteDto> {
    return await this.write(text, 0);
  }

  @Transactional({ propagation: 'REQUIRES_NEW', label: 'outer' })
  @Transactional({ propagation: 'NESTED' })
  async twice(): Promise<unknown> {
    const { depth, label } = this.transactions.current!;
    return { depth, label };
  }

  @Get('open')
  async undecorated(): Promise<string> {
    return 'open';
  }

  private async write(text: string, likes: number): Promise<NoteDto> {
    if (this.transactions.current === undefined) throw new Error('no transaction');
    await this.notes.insert({ text, likes });
    if (likes > 99) throw new Error('undo');
    return { text };
  }
}

let database: EnlistedDatabase;
let application: INestApplication;
let url: string;
let notes: Notes;

beforeAll(async () => {
  database = await EnlistedDatabase.open();
  application = await startApplication({ controllers: [Notes] });
  url = await listen(application);
  notes = application.get(Notes);
});
beforeEach(async () => {
  logged.length = 0;
  await database.empty();
});
afterAll(async () => {
  await application.close();
  await database.close();
});

describe.each(['above', 'below'] as const)('@Transactional() %s the decorators of Nest', (where) => {
  const post = (likes: string, role = 'writer'): Promise<Response> =>
    fetch(`${url}/${where}/${likes}`, {
      method: 'POST',
      headers: { role, 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'a' }),
    });

  it('keeps the route, its status, its pipes and its interceptors', async () => {
    const response = await post('5');

    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ data: { text: 'A' } });
    expect(await database.notes()).toEqual(['A']);
  });

  it('keeps the guard, and the metadata that it reads', async () => {
    expect((await post('5', 'reader')).status).toBe(403);
    expect(await database.notes()).toEqual([]);
  });

  it('keeps the pipe of a parameter', async () => {
    expect((await post('many')).status).toBe(400);
  });

  it('rolls back when the handler throws', async () => {
    expect((await post('100')).status).toBe(500);
    expect(await database.notes()).toEqual([]);
  });

  it('is described by OpenAPI as it would be without', () => {
    const document = SwaggerModule.createDocument(application, new DocumentBuilder().build());
    const operation = document.paths[`/${where}/{likes}`]!.post!;

    expect(operation.summary).toBe(`Writes a note (${where})`);
    expect(operation.parameters).toMatchObject([{ name: 'likes', in: 'path', schema: { type: 'number' } }]);
    expect(operation.responses['202']).toMatchObject({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/NoteDto' } } },
    });
    expect(operation.requestBody).toMatchObject({
      content: { 'application/json': { schema: { $ref: '#/components/schemas/NoteDto' } } },
    });
  });
});

describe('beside decorators that wrap the method', () => {
  it.each(['loggedAbove', 'loggedBelow'] as const)('%s: both have their effect, once', async (method) => {
    expect(await notes[method]('a')).toEqual({ text: 'a' });

    expect(logged).toEqual([`${method}(a)`, `${method} resolved`]);
    expect(await database.notes()).toEqual(['a']);
  });

  it.each(['cachedAbove', 'cachedBelow'] as const)('%s: what is cached is not done again', async (method) => {
    expect(await notes[method]('a')).toEqual({ text: 'a' });
    expect(await notes[method]('a')).toEqual({ text: 'a' });

    expect(await database.notes()).toEqual(['a']);
  });

  it.each(['loggedAbove', 'loggedBelow', 'cachedAbove', 'cachedBelow'] as const)(
    '%s: name, length, own properties and metadata are those of the method',
    (method) => {
      const { [method]: decorated } = Notes.prototype;

      expect(decorated.name).toBe(method);
      expect(decorated).toHaveLength(1);
      expect(decorated).toHaveProperty('wrappedBy');
      expect(Reflect.getMetadata('design:paramtypes', Notes.prototype, method)).toEqual([String]);
    },
  );

  it('works twice on one method: from the outside in', async () => {
    expect(await notes.twice()).toEqual({ depth: 2, label: 'outer' });
  });
});
