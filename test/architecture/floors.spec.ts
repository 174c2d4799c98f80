import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { HOUSES, violationsIn, type Sources } from './floors.js';

describe.each(Object.entries(HOUSES))('the library %s', (name, house) => {
  const sources = sourcesBelow(join(import.meta.dirname, '../../libs', name, 'src'));

  it('has each of its floors', () => {
    const tops = new Set([...sources.keys()].map((file) => file.split('/')[0]));

    expect([...tops]).toEqual(expect.arrayContaining([...house.floors, 'index.ts']));
  });

  it('imports downwards only, in no circle, and holds no state of its own', () => {
    expect(violationsIn(sources, house)).toEqual([]);
  });
});

describe('a planted violation is caught:', () => {
  const HOUSE = {
    'index.ts': `export { run } from './nest/module.js';`,
    'errors.ts': `export class Failure extends Error {}`,
    'context/frame.ts': `import { AsyncLocalStorage } from 'node:async_hooks'; export const storage = new AsyncLocalStorage();`,
    'transaction/state.ts': `import { Failure } from '../errors.js'; import '../context/frame.js'; export const state = Failure;`,
    'typeorm/runner.ts': `import type { DataSource } from 'typeorm'; import { state } from '../transaction/state.js'; export const run = state;`,
    'nest/module.ts': `import { Module } from '@nestjs/common'; import { run as plain } from '../typeorm/runner.js'; export const run = () => plain;`,
  };
  const planted = (change: Record<string, string>): string[] =>
    violationsIn(new Map(Object.entries({ ...HOUSE, ...change })), HOUSES.core);

  it('(the house itself is clean)', () => {
    expect(planted({})).toEqual([]);
  });

  it('(two files may know each other’s types)', () => {
    expect(
      planted({ 'nest/a.ts': `import './b.js';`, 'nest/b.ts': `import type { A } from './a.js';` }),
    ).toEqual([]);
  });

  it.each<[what: string, change: Record<string, string>, violation: string]>([
    [
      'an import upwards',
      {
        'transaction/state.ts': `import { x } from '../typeorm/other.js';`,
        'typeorm/other.ts': `export const x = 1;`,
      },
      'transaction/state.ts imports up: typeorm/other.ts',
    ],
    [
      'an import upwards of a type',
      { 'context/other.ts': `import type { state } from '../transaction/state.js';` },
      'context/other.ts imports up: transaction/state.ts',
    ],
    [
      'an import upwards when it is needed',
      { 'context/other.ts': `export const late = () => import('../nest/module.js');` },
      'context/other.ts imports up: nest/module.ts',
    ],
    [
      'an import upwards by the errors',
      { 'errors.ts': `import { storage } from './context/frame.js';` },
      'errors.ts imports up: context/frame.ts',
    ],
    [
      'the entry point, from inside',
      { 'nest/other.ts': `import { run } from '../index.js';` },
      'nest/other.ts imports the entry point index.ts',
    ],
    [
      'TypeORM in transaction/',
      { 'transaction/x.ts': `import 'typeorm';` },
      'transaction/x.ts imports typeorm, which',
    ],
    [
      'a type of TypeORM in transaction/',
      { 'transaction/x.ts': `import type { E } from 'typeorm';` },
      'typeorm, which',
    ],
    ['pg in context/', { 'context/x.ts': `import pg from 'pg';` }, 'context/x.ts imports pg, which'],
    [
      'Nest in typeorm/',
      { 'typeorm/x.ts': `import { Injectable } from '@nestjs/common';` },
      '@nestjs/common, which',
    ],
    [
      'a package in errors.ts',
      { 'errors.ts': `import 'fastest-levenshtein';` },
      'errors.ts imports fastest-levenshtein',
    ],
    [
      'a file that is not there',
      { 'nest/x.ts': `import './gone.js';` },
      'imports ./gone.js, which does not exist',
    ],
    [
      'a circle',
      {
        'nest/a.ts': `import './b.js';`,
        'nest/b.ts': `import './c.js';`,
        'nest/c.ts': `import { a } from './a.js'; export const c = a;`,
      },
      'cycle: nest/a.ts → nest/b.ts → nest/c.ts → nest/a.ts',
    ],
    ['a re-export', { 'nest/x.ts': `export { run } from './module.js';` }, 'nest/x.ts re-exports'],
    [
      'a re-export by name',
      { 'nest/x.ts': `import { run } from './module.js'; export { run };` },
      're-exports',
    ],
    ['an export of everything', { 'index.ts': `export * from './nest/module.js';` }, 'index.ts exports *'],
    [
      'let',
      { 'nest/x.ts': `let count = 0; export const next = () => ++count;` },
      'a variable at its top level',
    ],
    ['var', { 'nest/x.ts': `export var count = 0;` }, 'a variable at its top level'],
    ['a static field', { 'nest/x.ts': `export class X { static readonly all = []; }` }, 'has a static field'],
    [
      'a private static field',
      { 'nest/x.ts': `export const x = () => class { static #n = 0; }` },
      'has a static field',
    ],
    ['a static block', { 'nest/x.ts': `export class X { static { void 0; } }` }, 'has a static block'],
  ])('%s', (_what, change, violation) => {
    expect(planted(change)).toEqual([expect.stringContaining(violation)]);
  });
});

it('a planted violation is caught in the other library, too', () => {
  const sources = new Map([
    ['rfc/tag.ts', `import { TransactionError } from '@nest-transactional/core';`],
    ['resource/row.ts', `import { Injectable } from '@nestjs/common'; import '../nest/module.js';`],
    ['nest/module.ts', `export const module = 1;`],
  ]);

  expect(violationsIn(sources, HOUSES.http)).toEqual([
    'rfc/tag.ts imports @nest-transactional/core, which rfc must not know',
    'resource/row.ts imports @nestjs/common, which resource must not know',
    'resource/row.ts imports up: nest/module.ts',
  ]);
});

function sourcesBelow(directory: string): Sources {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => file.split(sep).join('/'));
  return new Map(files.map((file) => [file, readFileSync(join(directory, file), 'utf8')]));
}
