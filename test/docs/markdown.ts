import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** A fenced block, e.g. one that begins with ```` ```ts ````. */
export interface Block {
  /** Path of the page below the root. */
  readonly page: string;
  /** Line of the page on which the block's own first line stands, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** Every page of the project that people read, by its path below the root. */
export function pages(): readonly string[] {
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file));
  const libraries = readdirSync(join(ROOT, 'libs')).map((name) => join('libs', name, 'README.md'));
  return ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...libraries, ...inDocs]
    .map((file) => relative(ROOT, join(ROOT, file)).split(sep).join('/'))
    .toSorted();
}

export function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

export function blocksOf(page: string, language?: string): readonly Block[] {
  const lines = read(page).split('\n');
  const blocks: Block[] = [];
  for (let index = 0; index < lines.length; index++) {
    const [, indent, name] = /^( *)```(\w*)/.exec(lines[index]!) ?? [];
    if (indent === undefined) continue;
    const end = lines.indexOf(`${indent}\`\`\``, index + 1);
    if (end < 0) throw new Error(`${page}:${index + 1}: the block is never closed.`);
    const text = lines.slice(index + 1, end).map((line) => line.slice(indent.length));
    blocks.push({ page, line: index + 2, language: name!, text: text.join('\n') });
    index = end;
  }
  return blocks.filter((block) => language === undefined || block.language === language);
}

/** The page without its fenced blocks. */
export function proseOf(page: string): string {
  return read(page).replaceAll(/^( *)```[^]*?^\1```$/gm, '');
}

/** The text under a heading, up to the next heading of the same or a higher level; `undefined` without that heading. */
export function sectionOf(page: string, heading: string): string | undefined {
  const lines = read(page).split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) return undefined;
  const level = /^#+/.exec(heading)![0].length;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => (/^(#+) /.exec(line)?.[1]!.length ?? Infinity) <= level);
  return rest
    .slice(0, end < 0 ? undefined : end)
    .join('\n')
    .trim();
}

/** The cells of each row of the first table in `text`, without its head. */
export function tableIn(text: string): readonly (readonly string[])[] {
  const [table = ''] = /^\|.*$(?:\n\|.*$)*/m.exec(text) ?? [];
  const rows = table.split('\n');
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** What stands in `code` marks. */
export function codeIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);
}
