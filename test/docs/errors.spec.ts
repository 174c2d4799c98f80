import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import * as core from '@nest-transactional/core';
import * as http from '@nest-transactional/http';
import * as errors from '../../libs/core/src/errors.js';
import * as httpErrors from '../../libs/http/src/errors.js';
import { blocksOf, codeIn, proseOf, read, ROOT, sectionOf } from './markdown.js';

const SECTIONS = ['## What happened', '## What is in the database', '## What to do', '## Facts'];
const OUTCOMES = ['not-started', 'rolled-back', 'committed', 'unknown'];

/** What errors.ts says of a class. */
interface Described {
  readonly name: string;
  readonly code: string;
  /** Fields of its own. */
  readonly facts: readonly string[];
}

const described = [...classesIn('libs/core/src/errors.ts'), ...classesIn('libs/http/src/errors.ts')];
const exportedErrors = { ...errors, ...httpErrors };

describe('the classes', () => {
  it('are those that the module exports', () => {
    const exported = Object.entries(exportedErrors)
      .filter(([, value]) => (value as { prototype?: unknown }).prototype instanceof errors.TransactionError)
      .map(([name]) => name)
      .filter((name) => name !== 'RequestError');

    expect(described.map(({ name }) => name).toSorted()).toEqual(exported.toSorted());
  });

  it('each have a code of their own', () => {
    const codes = described.map(({ code }) => code);

    expect(new Set(codes).size).toBe(codes.length);
    for (const { name, code } of described) expect(`${code}: ${name}`).toBe(`${code}: ${classNameOf(code)}`);
  });

  it('are exported by the package', () => {
    const missing = described.filter(({ name }) => !(name in core || name in http)).map(({ name }) => name);

    expect(missing).toEqual([]);
  });
});

describe('the pages', () => {
  it('are those of the classes, no more and no fewer', () => {
    const expected = described.map(({ code }) => fileOf(code));
    const present = readdirSync(join(ROOT, 'docs/errors')).filter((file) => file !== 'README.md');

    expect(present.toSorted()).toEqual(expected.toSorted());
  });

  it('are all in the index, with class and code', () => {
    const index = read('docs/errors/README.md');
    const missing = described.filter(
      ({ name, code }) => !index.includes(`[\`${name}\`](${fileOf(code)})`) || !index.includes(`\`${code}\``),
    );

    expect(missing).toEqual([]);
    expect(index.match(/\]\([a-z-]+\.md\)/g)).toHaveLength(described.length);
  });
});

describe.each(described)('the page of $name', ({ name, code, facts }) => {
  const page = `docs/errors/${fileOf(code)}`;

  it('names class and code', () => {
    expect(read(page).split('\n')[0]).toBe(`# ${name}`);
    expect(proseOf(page)).toContain(`Code \`${code}\``);
  });

  it('has every section, with something in it', () => {
    for (const heading of SECTIONS) expect(sectionOf(page, heading) ?? `no ${heading}`).toMatch(/.{20}/);
  });

  it('says what became of the data, in the word of the field `outcome`', () => {
    const said = codeIn(sectionOf(page, '## What is in the database')!).filter((each) =>
      OUTCOMES.includes(each),
    );

    expect(said).not.toEqual([]);
  });

  it('shows what is wrong and what is right', () => {
    const [wrong, right] = blocksOf(page, 'ts').map(({ text }) => text.split('\n')[0]);

    expect([wrong, right]).toEqual([
      expect.stringMatching(/^\/\/ Wrong/),
      expect.stringMatching(/^\/\/ Right/),
    ]);
  });

  it('names each fact on the error', () => {
    const named = codeIn(sectionOf(page, '## Facts')!);

    expect(named).toEqual(expect.arrayContaining([...facts, 'outcome', 'retryable']));
  });
});

function fileOf(code: string): string {
  return `${code.toLowerCase().replaceAll('_', '-')}.md`;
}

/** `OUTCOME_UNKNOWN` is the code of `OutcomeUnknownError`. */
function classNameOf(code: string): string {
  const words = code.toLowerCase().split('_');
  return `${words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')}Error`;
}

function classesIn(path: string): readonly Described[] {
  const source = ts.createSourceFile(path, read(path), ts.ScriptTarget.Latest, true);
  return source.statements
    .filter((statement) => ts.isClassDeclaration(statement))
    .filter(({ modifiers }) => !modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword))
    .map((each) => {
      const fields = each.members.filter((member) => ts.isPropertyDeclaration(member));
      const code = fields.find((field) => field.name.getText() === 'code')?.initializer?.getText() ?? '';
      const names = [...fields, ...parameterFieldsOf(each)].map(({ name }) => name.getText());
      return {
        name: each.name!.text,
        code: code.slice(1, -1),
        facts: names.filter((field) => field !== 'code' && !field.startsWith('#')),
      };
    });
}

function parameterFieldsOf(declaration: ts.ClassDeclaration): readonly ts.ParameterDeclaration[] {
  const constructor = declaration.members.find((member) => ts.isConstructorDeclaration(member));
  return (constructor?.parameters ?? []).filter(({ modifiers }) => modifiers !== undefined);
}
