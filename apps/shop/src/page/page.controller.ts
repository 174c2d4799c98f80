import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, Get, Header, Param, type StreamableFile } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { ErrorPages } from './error-pages.js';
import { StaticFiles } from './static-files.js';

// The same number of steps up from src/page and from dist/page.
const PUBLIC = fileURLToPath(new URL('../../public/', import.meta.url));
const ERRORS = fileURLToPath(new URL('../../../../docs/errors/', import.meta.url));
const { resolve } = createRequire(import.meta.url);

/** What people see: the shop at `/`, its API's documentation at `/docs` and `/errors`, and their files. */
@ApiExcludeController()
@Controller()
export class PageController {
  private readonly files = new StaticFiles([
    ...readdirSync(PUBLIC).map((name) => join(PUBLIC, name)),
    resolve('swagger-ui-dist/swagger-ui.css'),
    resolve('swagger-ui-dist/swagger-ui-bundle.js'),
  ]);

  private readonly errors = new ErrorPages(ERRORS);

  @Get()
  @Header('Cache-Control', 'no-cache')
  @Header('Content-Security-Policy', "default-src 'self'")
  shop(): StreamableFile {
    return this.files.get('index.html');
  }

  // Swagger UI styles its elements in line and draws its icons from data URLs.
  @Get('docs')
  @Header('Cache-Control', 'no-cache')
  @Header(
    'Content-Security-Policy',
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
  )
  documentation(): StreamableFile {
    return this.files.get('docs.html');
  }

  /** Where `type` of an error leads to. */
  @Get('errors/:name')
  @Header('Cache-Control', 'no-cache')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', "default-src 'self'")
  error(@Param('name') name: string): string {
    return this.errors.get(name);
  }

  @Get('assets/:name')
  @Header('Cache-Control', 'no-cache')
  asset(@Param('name') name: string): StreamableFile {
    return this.files.get(name);
  }
}
