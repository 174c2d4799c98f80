import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { importsOf, packagesIn, packagesLoadedBy } from './imports.js';
import { Library, ROOT, tellThatNothingIsBuilt } from './library.js';

const LIBRARIES = ['core', 'http'].map((folder) => new Library(folder));

/** What a library needs without an import: the driver that TypeORM loads, globals, metadata that is written by name. */
const NEEDED_OTHERWISE: Readonly<Record<string, readonly string[]>> = {
  core: ['pg'],
  http: ['@nestjs/swagger', 'reflect-metadata'],
};

const isBuilt = LIBRARIES.every((library) => library.isBuilt);
if (!isBuilt) tellThatNothingIsBuilt('test/packaging');
const itWhenBuilt = isBuilt ? it : it.skip;

describe.each(LIBRARIES.map((library) => [library.manifest.name, library] as const))(
  '%s',
  (name, library) => {
    const { manifest } = library;

    it('names as dependencies and peers what its sources import, and nothing else', () => {
      const imports = library.sources.map((file) => importsOf(library.read(`src/${file}`)));
      const imported = packagesIn(imports.flatMap((each) => Object.values(each).flat()));
      const needed = [...imported, ...NEEDED_OTHERWISE[library.folder]!].filter((each) => each !== name);

      const named = [...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.peerDependencies)];

      expect(named.toSorted()).toEqual(needed.toSorted());
    });

    it('marks only peers as optional', () => {
      expect(Object.keys(manifest.peerDependencies)).toEqual(expect.arrayContaining(library.optionalPeers));
    });

    it.each(library.entryPoints.map(([subpath]) => subpath))('loads no optional peer with %s', (subpath) => {
      const loaded = packagesLoadedBy(library, subpath === '.' ? 'index.ts' : `${subpath.slice(2)}.ts`);
      const others = library.optionalPeers.filter((peer) => peer !== subpath.slice(2));

      expect(loaded.filter((each) => others.includes(each))).toEqual([]);
    });

    it('tells compilers that know no exports where each subpath is', () => {
      const subpaths = library.entryPoints.filter(([subpath]) => subpath !== '.');
      const types = subpaths.map(([subpath, { require }]) => [subpath.slice(2), [require.types]]);

      expect(manifest.typesVersions?.['*'] ?? {}).toEqual(Object.fromEntries(types));
    });

    it('says the same with and without exports', () => {
      const root = Object.fromEntries(library.entryPoints)['.']!;

      expect([manifest.main, manifest.types]).toEqual([root.require.default, root.require.types]);
      expect(manifest.module).toBe(root.import.default);
    });

    it('has the license and the engines of the repository', () => {
      const repository = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as typeof manifest;

      expect(library.read('LICENSE')).toBe(readFileSync(join(ROOT, 'LICENSE'), 'utf8'));
      expect(manifest).toMatchObject({ license: repository.license, engines: repository.engines });
    });

    itWhenBuilt('packs each source as ESM, as CommonJS and with its types, and nothing else', () => {
      const modules = library.sources.map((file) => file.replace(/\.ts$/, ''));
      const built = ['esm', 'cjs'].flatMap((format) =>
        modules.flatMap((module) => ['js', 'd.ts'].map((ending) => `dist/${format}/${module}.${ending}`)),
      );
      const files = ['LICENSE', 'README.md', 'package.json', 'dist/cjs/package.json', ...built];

      expect(library.packedFiles().toSorted()).toEqual(files.toSorted());
    });

    itWhenBuilt('has a file for everything it exports', () => {
      const targets = library.entryPoints.flatMap(([, { import: esm, require: cjs }]) => [esm, cjs]);
      const files = targets.flatMap(({ types, default: script }) => [types, script]);

      expect(files.filter((file) => !existsSync(join(library.directory, file)))).toEqual([]);
    });

    itWhenBuilt('has types that need no optional peer, and none of its own development', () => {
      const declarations = library.filesBelow('dist/esm').filter((file) => file.endsWith('.d.ts'));
      const imports = declarations.map((file) => importsOf(library.read(`dist/esm/${file}`)));
      const needed = packagesIn(imports.flatMap((each) => Object.values(each).flat()));

      const atHand = [...library.requiredPeers, ...Object.keys(manifest.dependencies ?? {})];
      expect(needed.filter((each) => !atHand.includes(each))).toEqual([]);
    });
  },
);

it('fits together: one library accepts the other as it is', () => {
  const [core, http] = LIBRARIES.map(({ manifest }) => manifest);

  expect(http!.peerDependencies[core!.name]).toBe(`^${core!.version}`);
});

describe('in one process', () => {
  const names = LIBRARIES.flatMap(({ manifest, entryPoints }) =>
    entryPoints.map(([subpath]) => join(manifest.name, subpath)),
  );

  itWhenBuilt('each entry point loads as ESM and as CommonJS, with the same exports', () => {
    const { exported } = loadInBothFormats(names);

    expect(Object.keys(exported)).toEqual(names);
    for (const { esm, cjs, isOneCopy } of Object.values(exported)) {
      expect(esm).not.toEqual([]);
      expect({ names: cjs, isOneCopy }).toEqual({ names: esm, isOneCopy: false });
    }
  });

  itWhenBuilt('an error of one format is known to the other by its class and by those above', () => {
    const classes = ['PreconditionFailedError', 'RequestError', 'TransactionError'];

    expect(loadInBothFormats([]).recognised).toEqual({ esm: classes, cjs: classes });
  });
});

interface Loaded {
  readonly exported: Readonly<Record<string, { esm: string[]; cjs: string[]; isOneCopy: boolean }>>;
  readonly recognised: Readonly<Record<'esm' | 'cjs', readonly string[]>>;
}

/** Outside of Jest, which resolves modules in its own way. */
function loadInBothFormats(names: readonly string[]): Loaded {
  const script = join(import.meta.dirname, 'both-formats.mjs');
  return JSON.parse(execFileSync(process.execPath, [script, ...names], { encoding: 'utf8' })) as Loaded;
}
