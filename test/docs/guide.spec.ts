import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import * as core from '@nest-transactional/core';
import * as http from '@nest-transactional/http';
import {
  decidePropagation,
  type Propagation,
  type PropagationPlan,
} from '../../libs/core/src/transaction/propagation.js';
import { meaninglessWith } from '../../libs/core/src/transaction/transaction-options.js';
import { codeIn, pages, read, sectionOf, tableIn } from './markdown.js';

const GUIDE = pages().filter((page) => page.startsWith('docs/guide/'));

describe('the guide', () => {
  it('has every page in its index', () => {
    const index = read('docs/guide/README.md');
    const missing = GUIDE.map((page) => page.split('/').at(-1)!).filter(
      (file) => !index.includes(`(${file})`),
    );

    expect(missing).toEqual(['README.md']);
  });

  it.each([
    ['core', core],
    ['http', http],
  ])('speaks of everything that the package %s exports', (name, library) => {
    const text = [...GUIDE, 'docs/errors/README.md', `libs/${name}/README.md`].map(read).join();
    const unmentioned = Object.keys(library).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));

    expect(unmentioned).toEqual([]);
  });
});

describe('the table of propagations', () => {
  const PLANS: Readonly<Record<string, PropagationPlan>> = {
    begins: 'begin',
    joins: 'join',
    'sets a savepoint': 'savepoint',
    'runs without': 'bare',
    'suspends it': 'suspend',
    'is refused': 'refuse',
  };
  const planOf = (cell: string): PropagationPlan | undefined =>
    Object.entries(PLANS).find(([words]) => cell.startsWith(words))?.[1];
  const rows = tableIn(sectionOf('docs/guide/transactions.md', '## Propagation')!);

  it('has a row for each', () => {
    expect(rows.map(([mode]) => codeIn(mode!)[0])).toEqual(Object.values(core.Propagation));
  });

  it.each(rows)('says of %s what the code decides', (mode, ...cells) => {
    const propagation = codeIn(mode)[0] as Propagation;
    const decided = (['none', 'open', 'suspended'] as const).map((each) =>
      decidePropagation(propagation, each),
    );

    expect(cells.map(planOf)).toEqual(decided);
  });
});

describe('the table of options that mean nothing', () => {
  const rows = tableIn(sectionOf('docs/guide/transactions.md', '### Options that mean nothing')!);

  it('says of each propagation what the code decides', () => {
    const documented = rows.flatMap(([modes, options]) =>
      codeIn(modes!).map((mode) => [mode, codeIn(options!)] as const),
    );
    const decided = Object.values(core.Propagation).map((mode) => [mode, meaninglessWith(mode)] as const);

    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(decided));
  });
});

describe('the tables of options', () => {
  it.each([
    ['docs/guide/transactions.md', '## Options', 'transaction/transaction-options.ts', 'TransactionOptions'],
    [
      'docs/guide/transactions.md',
      '## In a Nest application',
      'nest/transactional.module.ts',
      'TransactionalModuleOptions',
    ],
    ['docs/guide/retry-and-deadlines.md', '## Retry', 'transaction/retry-policy.ts', 'RetryOptions'],
    ['docs/guide/without-nest.md', '# Without Nest', 'typeorm/enlist.ts', 'EnlistOptions'],
    ['docs/guide/row-locks.md', '## Lock options', 'typeorm/lock-for-update.ts', 'RowLockOptions'],
    [
      'docs/guide/hooks-and-events.md',
      '## Events',
      'nest/transactional-event-listener.decorator.ts',
      'TransactionalEventListenerOptions',
    ],
    [
      'docs/guide/request-modes.md',
      '## In an interceptor of your own',
      'nest/request-transactions.ts',
      'RequestTransactionOptions',
    ],
    [
      'docs/guide/versioned-controllers.md',
      '## Options',
      '../../http/src/versioned-controller/versioned-controller-options.ts',
      'VersionedControllerOptions',
    ],
    [
      'docs/guide/http-versions.md',
      '## Options',
      '../../http/src/nest/versioned.decorator.ts',
      'VersionedOptions',
    ],
  ])('%s, %s has those of the code', (page, heading, file, name) => {
    const documented = tableIn(sectionOf(page, heading)!).map(([option]) => codeIn(option!)[0]!);

    expect(documented.toSorted()).toEqual([...optionsOf(`libs/core/src/${file}`, name)].toSorted());
  });
});

describe('the table of channels', () => {
  it('has those of the code', () => {
    const source = read('libs/core/src/transaction/diagnostics.ts');
    const channels = [...source.matchAll(/channel\('(.+?)'\)/g)].map(([, channel]) => channel);
    const rows = tableIn(sectionOf('docs/guide/logging-and-tracing.md', '## Tracing')!);

    expect(rows.map(([channel]) => codeIn(channel!)[0])).toEqual(channels);
  });
});

/** The properties of an interface, and those that it picks from another one. */
function optionsOf(file: string, name: string): readonly string[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  const declaration = source.statements
    .filter((statement) => ts.isInterfaceDeclaration(statement))
    .find((statement) => statement.name.text === name)!;
  const own = declaration.members.map((member) => member.name!.getText());
  const picked = declaration.heritageClauses?.map((clause) => clause.getText()).join() ?? '';
  return [...own, ...[...picked.matchAll(/'(\w+)'/g)].map(([, option]) => option!)];
}
