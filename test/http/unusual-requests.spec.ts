import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Param, ParseIntPipe, Patch, Post, Put, Res } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Transactional } from '@nest-transactional/core';
import { Versioned } from '@nest-transactional/http';
import { Shelf } from './library.js';
import { PLATFORMS, RunningLibrary } from './running-library.js';

interface Headed {
  header(name: string, value: string): unknown;
}

class Flaky extends Error {}

@Injectable()
class FlakyShelves {
  tries = 0;

  constructor(@InjectRepository(Shelf) private readonly shelves: Repository<Shelf>) {}

  @Transactional({ retry: { maxRetries: 2, delayMs: 0, on: (error) => error instanceof Flaky } })
  async add(name: string): Promise<Shelf> {
    const shelf = await this.shelves.save({ name });
    if (++this.tries % 2 === 1) throw new Flaky();
    return shelf;
  }

  rename(id: number): Promise<unknown> {
    return this.shelves.update({ id }, { name: 'renamed' });
  }

  find(id: number): Promise<Shelf> {
    return this.shelves.findOneByOrFail({ id });
  }
}

@Controller('unusual')
class UnusualController {
  constructor(private readonly shelves: FlakyShelves) {}

  @Get(':id')
  @Versioned(Shelf)
  read(@Param('id', ParseIntPipe) id: number): Promise<Shelf> {
    return this.shelves.find(id);
  }

  @Patch(':id')
  @Versioned(Shelf, { requirePrecondition: true })
  rename(@Param('id', ParseIntPipe) id: number): Promise<unknown> {
    return this.shelves.rename(id);
  }

  @Put(':id')
  @Versioned(Shelf)
  async put(@Param('id', ParseIntPipe) id: number): Promise<void> {
    await this.shelves.rename(id);
  }

  @Post('flaky')
  @Versioned(Shelf)
  async add(@Res({ passthrough: true }) response: Headed): Promise<Shelf> {
    response.header(`x-try-${this.shelves.tries % 2}`, 'here');
    return await this.shelves.add('flaky');
  }

  @Post('once')
  @Versioned(Shelf, { retry: false })
  addOnce(): Promise<Shelf> {
    return this.shelves.add('once');
  }
}

describe.each(PLATFORMS)('an unusual request on %s', (platform) => {
  let library: RunningLibrary;

  beforeAll(async () => {
    library = await RunningLibrary.open({
      platform,
      controllers: [UnusualController],
      providers: [FlakyShelves],
      versioning: {
        problemDetails: {
          showCurrentVersion: () => {
            throw new Error('there is no user');
          },
        },
      },
    });
  });
  afterAll(() => library.close());

  const newShelf = (): Promise<Shelf> => library.library.shelves.save({ name: 'A' } as Shelf);

  it('meets no required condition with a date that its row does not have', async () => {
    const { id } = await newShelf();
    const headers = { 'if-unmodified-since': new Date().toUTCString() };

    expect((await library.send('PATCH', `/unusual/${id}`, headers)).status).toBe(428);
  });

  it('is tried again for the reasons of the service, and answers as if the first try had not been', async () => {
    const { status, headers } = await library.send('POST', '/unusual/flaky');

    expect([status, headers.get('x-try-0'), headers.get('x-try-1')]).toEqual([201, null, 'here']);
  });

  it('is not tried again where its handler forbids it', async () => {
    expect((await library.send('POST', '/unusual/once')).status).toBe(500);
    expect((await library.send('POST', '/unusual/once')).status).toBe(201);
  });

  it('is refused with 412 although nobody can tell who may see the version', async () => {
    const { id } = await newShelf();
    const { status, body } = await library.send('PATCH', `/unusual/${id}`, { 'if-match': '"7"' });

    expect([status, 'currentVersion' in body]).toEqual([412, false]);
  });

  it('is a 404 where TypeORM finds nothing', async () => {
    expect((await library.send('GET', '/unusual/4711')).status).toBe(404);
  });

  it('has no entity tag when it is a PUT whose answer shows nothing', async () => {
    const { id } = await newShelf();
    const { status, headers } = await library.send('PUT', `/unusual/${id}`, { 'if-match': '"1"' });

    expect([status, headers.get('etag'), headers.get('content-location')]).toEqual([200, null, null]);
  });

  it('has nothing of its query repeated, nor the host that it names', async () => {
    const { body } = await library.send('GET', '/nowhere?token=secret');
    expect(JSON.stringify(body)).not.toContain('secret');

    const { id } = await newShelf();
    const answer = await new Promise<string>((resolve, reject) => {
      const sent = request(library.url, { path: `http://evil.example/unusual/${id}?x=1` }, (response) =>
        response.resume().on('end', () => resolve(JSON.stringify(response.headers))),
      );
      sent.on('error', reject).end();
    });
    expect(answer).not.toContain('evil.example');
  });
});
