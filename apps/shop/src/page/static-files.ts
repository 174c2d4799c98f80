import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { NotFoundException, StreamableFile } from '@nestjs/common';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Files that are read once, at start. A request names one of them or gets 404; it never reaches the disk. */
export class StaticFiles {
  private readonly contents: Map<string, Buffer>;

  constructor(paths: string[]) {
    this.contents = new Map(paths.map((path) => [basename(path), readFileSync(path)]));
  }

  get(name: string): StreamableFile {
    const content = this.contents.get(name);
    const type = TYPES[extname(name)];
    if (!content || !type) throw new NotFoundException();
    return new StreamableFile(content, { type, length: content.length });
  }
}
