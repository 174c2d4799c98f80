import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

/** The fields of a package.json that decide what its users get. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly engines: { readonly node: string };
  readonly main: string;
  readonly module: string;
  readonly types: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<'import' | 'require', Target>>>>;
  readonly typesVersions?: { readonly '*': Readonly<Record<string, readonly string[]>> };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional: boolean }>>;
}

export interface Target {
  readonly types: string;
  readonly default: string;
}

/** A package of this repository, as those see it who install it. */
export class Library {
  readonly directory: string;
  readonly manifest: Manifest;

  constructor(readonly folder: string) {
    this.directory = join(ROOT, 'libs', folder);
    this.manifest = JSON.parse(this.read('package.json')) as Manifest;
  }

  /** Its entry points, by subpath: `.`, `./options`. */
  get entryPoints(): [string, Readonly<Record<'import' | 'require', Target>>][] {
    return Object.entries(this.manifest.exports).flatMap(([subpath, targets]) =>
      typeof targets === 'string' ? [] : [[subpath, targets] as [string, typeof targets]],
    );
  }

  get requiredPeers(): string[] {
    return Object.keys(this.manifest.peerDependencies).filter((peer) => !this.optionalPeers.includes(peer));
  }

  get optionalPeers(): string[] {
    return Object.keys(this.manifest.peerDependenciesMeta ?? {});
  }

  /** Sources that are built, by their path below `src`. */
  get sources(): string[] {
    return this.filesBelow('src').filter((file) => !file.endsWith('.spec.ts'));
  }

  read(path: string): string {
    return readFileSync(join(this.directory, path), 'utf8');
  }

  filesBelow(path: string): string[] {
    return readdirSync(join(this.directory, path), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(this.directory, path).length + 1))
      .map((file) => file.replaceAll(sep, '/'));
  }

  /** Whether `npm run build` has built it since the last change of its sources. `npm start` builds a part of it only. */
  get isBuilt(): boolean {
    const last = join(this.directory, 'dist/cjs/package.json');
    const isThere = existsSync(last) && existsSync(join(this.directory, this.manifest.types));
    return isThere && statSync(last).mtimeMs > this.#changedAt();
  }

  #changedAt(): number {
    const entries = readdirSync(join(this.directory, 'src'), { withFileTypes: true, recursive: true });
    const paths = entries.map((entry) => join(entry.parentPath, entry.name));
    return Math.max(...paths.map((path) => statSync(path).mtimeMs));
  }

  /** What `npm pack` puts into the package. */
  packedFiles(): string[] {
    const options = ['--dry-run', '--json', '--ignore-scripts', '--offline'];
    const output = execFileSync('npm', ['pack', ...options, this.directory], { cwd: ROOT, encoding: 'utf8' });
    const [packed] = JSON.parse(output) as { files: { path: string }[] }[];
    return packed!.files.map(({ path }) => path);
  }
}

/** Says in one line what is not tested, past what Jest holds back. */
export function tellThatNothingIsBuilt(spec: string): void {
  process.stderr.write(
    `SKIPPED ${spec}: the libraries are not built, or were before a change (npm run build)\n`,
  );
}
