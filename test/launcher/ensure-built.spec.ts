import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { cleanEnvironment, makeScratch, Program, root } from './processes.js';
import { itThoroughly } from '../support/thoroughness.js';

const SILENT = { code: 0, stdout: '', stderr: '' };

describe('tools/ensure-built.mjs', () => {
  let folder: string;

  beforeEach(() => {
    folder = makeScratch('build');
    for (const config of ['nest-cli.json', 'tsconfig.base.json'])
      cpSync(join(root, config), join(folder, config));
    for (const config of [
      'libs/core/tsconfig.esm.json',
      'libs/http/tsconfig.esm.json',
      'apps/shop/tsconfig.build.json',
    ]) {
      write(config, readFileSync(join(root, config), 'utf8'));
    }
    write('libs/core/src/index.ts', "export const name: string = 'core';");
    write('libs/core/src/old.ts', 'export {};');
    write('libs/core/src/index.spec.ts', 'export {};');
    write('libs/http/src/index.ts', "export const name: string = 'http';");
    write('apps/shop/src/main.ts', "export const name: string = 'shop';");
  });

  it('builds what is missing, says so, and is silent from then on', async () => {
    const { code, stdout } = await ensureBuilt();
    expect(code).toBe(0);
    expect(stdout).toBe('Building core …\nBuilding http …\nBuilding shop …\n');
    expect(read('apps/shop/dist/main.js')).toContain("export const name = 'shop';");

    expect(await ensureBuilt()).toEqual(SILENT);
  });

  itThoroughly('builds only the shop when only the shop has changed', async () => {
    await ensureBuilt();
    write('apps/shop/src/main.ts', 'export const changed = 1;');

    expect((await ensureBuilt()).stdout).toBe('Building shop …\n');
    expect(read('apps/shop/dist/main.js')).toContain('changed');
  });

  it('leaves no output of a source that was deleted', async () => {
    await ensureBuilt();
    rmSync(join(folder, 'libs/core/src/old.ts'));

    await ensureBuilt();

    expect(outputs('libs/core/dist/esm')).toEqual(['index.js']);
  });

  itThoroughly('does not build because a checkout touched the sources', async () => {
    await ensureBuilt();
    utimesSync(join(folder, 'apps/shop/src/main.ts'), new Date(), new Date(Date.now() + 60_000));

    expect(await ensureBuilt()).toEqual(SILENT);
  });

  itThoroughly.each(['deleted', 'overwritten'])('builds again when an output was %s', async (how) => {
    await ensureBuilt();
    const output = 'libs/core/dist/esm/index.js';
    if (how === 'deleted') rmSync(join(folder, output));
    else write(output, 'of another branch');

    await ensureBuilt();

    expect(read(output)).toContain('core');
  });

  it('builds again after a build that was killed half way', async () => {
    write('libs/core/dist/esm/index.js', '');
    write('libs/core/dist/esm/half.js', '');

    await ensureBuilt();

    expect(read('libs/core/dist/esm/index.js')).toContain('core');
    expect(outputs('libs/core/dist/esm')).not.toContain('half.js');
  });

  it('takes what `npm run build` wrote as up to date', async () => {
    write('libs/core/dist/esm/index.js', 'with types');
    write('libs/http/dist/esm/index.js', 'with types');
    write('apps/shop/dist/main.js', 'with types');

    expect(await ensureBuilt('--accept')).toEqual(SILENT);
    expect(await ensureBuilt()).toEqual(SILENT);
  });

  it('builds once when two start at the same moment', async () => {
    const both = await Promise.all([ensureBuilt(), ensureBuilt()]);

    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(both.flatMap(({ stdout }) => stdout.match(/Building core/g) ?? [])).toHaveLength(1);
  });

  it('names the source that cannot be read, and fails', async () => {
    write('libs/core/src/index.ts', 'export const = ;');

    const { code, stderr } = await ensureBuilt();

    expect(code).toBe(1);
    expect(stderr).toMatch(/^Could not build: .*libs\/core\/src\/index\.ts:1: .+\n$/);
  });

  function ensureBuilt(...args: string[]) {
    const env = { ...cleanEnvironment(), BUILD_ROOT: folder };
    return new Program(join(root, 'tools/ensure-built.mjs'), env, args).ended;
  }

  function outputs(directory: string): string[] {
    return readdirSync(join(folder, directory)).toSorted((a, b) => a.localeCompare(b));
  }

  function write(file: string, text: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }

  function read(file: string): string {
    return readFileSync(join(folder, file), 'utf8');
  }
});
