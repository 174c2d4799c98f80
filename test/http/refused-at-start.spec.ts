import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Patch, Put, Res, type Type } from '@nestjs/common';
import { InvalidOptionsError, UnsupportedResponseError } from '@nest-transactional/core';
import { Versioned } from '@nest-transactional/http';
import { failureOf } from '../transactions/enlisted-database.js';
import { Book, Volume } from './library.js';
import { RunningLibrary } from './running-library.js';

class Unheard {}

@Controller('a')
class OfNoEntity {
  @Get(':id')
  @Versioned(Unheard)
  read(): void {}
}

@Controller('b')
class OfNoVersion {
  @Get(':id')
  @Versioned(Volume)
  read(): void {}
}

@Controller('c')
class OfNoParameter {
  @Patch(':id')
  @Versioned(Book, { id: 'params.isbn' })
  change(): void {}
}

@Controller('d')
class AnsweringItself {
  @Get(':id')
  @Versioned(Book)
  read(@Res() _response: unknown): void {}

  @Put(':id')
  @Versioned(Book)
  put(@Res() _response: unknown): void {}

  @Patch(':id')
  @Versioned(Book)
  patch(@Res({ passthrough: true }) _response: unknown): void {}
}

describe('@Versioned() is refused at start', () => {
  it.each<[what: string, controller: Type, error: unknown, message: string]>([
    ['for what is no entity', OfNoEntity, InvalidOptionsError, 'Unheard is no entity of this data source'],
    ['for an entity without version', OfNoVersion, InvalidOptionsError, 'Volume has no version'],
    ['where the route has no such parameter', OfNoParameter, InvalidOptionsError, 'no parameter :isbn'],
    [
      'where an unsafe handler answers by itself',
      AnsweringItself,
      UnsupportedResponseError,
      'AnsweringItself.put takes @Res() without',
    ],
  ])('%s', async (_what, controller, error, message) => {
    const failure = await failureOf(RunningLibrary.open({ controllers: [controller] }));

    expect(failure).toBeInstanceOf(error);
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain('AnsweringItself.read');
  });
});

describe('@Versioned() is refused at once', () => {
  it.each<[what: string, options: object, message: string]>([
    ['for an unknown option', { requirePreconditions: true }, "Did you mean 'requirePrecondition'?"],
    ['for an id that is no place', { id: 'id' }, "id must be 'params.<name>'"],
    ['for an ill-typed option', { vary: 'Accept-Language' }, 'vary must be'],
    ['for a strange number of retries', { retry: -1 }, 'retry must be'],
  ])('%s', (_what, options, message) => {
    expect(() => Versioned(Book, options as never)).toThrow(InvalidOptionsError);
    expect(() => Versioned(Book, options as never)).toThrow(message);
  });
});
