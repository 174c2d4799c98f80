import { describe, expect, it } from '@jest/globals';
import { WORKLOAD_NAMES } from '../../apps/bench/workloads/index.mjs';
import { codeIn, read, sectionOf, tableIn } from './markdown.js';

const PAGE = 'docs/performance.md';

describe('the page about performance', () => {
  it('has the options that the benchmark takes, with their defaults', () => {
    const rows = tableIn(read(PAGE).split('## ')[0]!).map(([option, byDefault]) => [
      codeIn(option!)[0]!.slice(2),
      codeIn(byDefault!)[0],
    ]);

    expect(Object.fromEntries(rows)).toEqual(optionsOfTheBenchmark());
  });

  it('has the workloads', () => {
    expect(codesUnder('## Workloads')).toEqual(WORKLOAD_NAMES);
  });

  it('has the columns', () => {
    const heads = read('apps/bench/report/result.mjs').matchAll(/const HEAD\w* = \[(.+)\]/g);
    const head = [...heads].map(([, columns]) => columns).join();

    expect(codesUnder('## Columns')).toEqual([...head.matchAll(/'(.+?)'/g)].map(([, column]) => column));
  });
});

function codesUnder(heading: string): readonly string[] {
  return tableIn(sectionOf(PAGE, heading)!).flatMap(([first]) => codeIn(first!));
}

/** Those whose default is a list of everything there is, or nothing, have none here. */
function optionsOfTheBenchmark(): Record<string, string | undefined> {
  const [, source = ''] = /const OPTIONS = [^{]*\{([^]*?)\}\);/.exec(read('apps/bench/options.mjs')) ?? [];
  const found = [...source.matchAll(/'?([\w-]+)'?: \{ type: 'string'(?:, default: (?:'(\w+)'|.+?))? \}/g)];
  return Object.fromEntries(found.map(([, option, byDefault]) => [option, byDefault]));
}
