import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { NotFoundException } from '@nestjs/common';
import { Marked, type Renderer, type Tokens } from 'marked';

/** Where `type` of a problem leads to: a page for each error, made of its Markdown once, at start. */
export class ErrorPages {
  readonly #pages: ReadonlyMap<string, string>;

  constructor(directory: string) {
    const files = readdirSync(directory).filter((file) => file.endsWith('.md') && file !== 'README.md');
    const marked = new Marked({ async: false, renderer: { link: linkBetweenPages } });
    this.#pages = new Map(
      files.map((file) => {
        const text = readFileSync(join(directory, file), 'utf8');
        return [basename(file, '.md'), documentOf(titleIn(text), marked.parse(text) as string)];
      }),
    );
  }

  get(name: string): string {
    const page = this.#pages.get(name);
    if (page === undefined) throw new NotFoundException();
    return page;
  }
}

/** Other errors have pages here, the guide has none: what it is called has to do. */
function linkBetweenPages(this: Pick<Renderer, 'parser'>, { href, tokens }: Tokens.Link): string {
  const text = this.parser.parseInline(tokens);
  const [, name] = /^([a-z-]+)\.md$/.exec(href) ?? [];
  return name === undefined ? `<em>${text}</em>` : `<a href="/errors/${name}">${text}</a>`;
}

function titleIn(markdown: string): string {
  return /^# (\w+)/.exec(markdown)?.[1] ?? 'Error';
}

function documentOf(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>${title}</title>
    <link rel="icon" href="/assets/favicon.svg">
    <link rel="stylesheet" href="/assets/shop.css">
    <link rel="stylesheet" href="/assets/error-page.css">
  </head>
  <body class="error-page">
    <main>${body}</main>
    <footer><a href="/">To the shop</a> · <a href="/docs">To its API</a></footer>
  </body>
</html>
`;
}
