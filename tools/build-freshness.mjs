import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A build: which files it reads and which directory it writes. Paths are relative to the root.
 *
 * @typedef {{ name: string, sources: string, tsconfig: string, output: string, buildInfo: string }} Build
 */

/**
 * Whether the output is what a build of the present sources left, file by file.
 *
 * @param {string} root
 * @param {Build} build
 */
export function isBuilt(root, build) {
  const stamp = readStamp(root, build);
  if (!stamp || stamp.sources !== fingerprintOf(root, build)) return false;
  // Times of the outputs tell when another build has written over them since.
  const present = outputsOf(root, build);
  const names = Object.keys(stamp.outputs);
  return names.length > 0 && names.every((name) => present[name] === stamp.outputs[name]);
}

/**
 * @param {string} root
 * @param {Build} build
 * @param {string} sources fingerprint taken before the build, so that an edit made meanwhile is not missed
 */
export function rememberBuild(root, build, sources) {
  const file = stampFile(root, build);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ sources, outputs: outputsOf(root, build) }));
}

/**
 * A hash of all that the output depends on: names and contents, so that a deleted or renamed file is noticed too.
 *
 * @param {string} root
 * @param {Build} build
 * @returns {string}
 */
export function fingerprintOf(root, build) {
  const hash = createHash('sha256');
  for (const file of [
    ...filesBelow(root, build.sources),
    build.tsconfig,
    'tsconfig.base.json',
    'nest-cli.json',
  ]) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

/**
 * @param {string} root
 * @param {Build} build
 */
function outputsOf(root, build) {
  const files = filesBelow(root, build.output);
  return Object.fromEntries(files.map((file) => [file, statSync(join(root, file)).mtimeMs]));
}

/**
 * @param {string} root
 * @param {string} directory
 * @returns {string[]} sorted, with `/` on every platform
 */
function filesBelow(root, directory) {
  try {
    const entries = readdirSync(join(root, directory), { withFileTypes: true, recursive: true });
    const files = entries.filter((entry) => entry.isFile());
    return files.map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)).toSorted();
  } catch {
    return [];
  }
}

/**
 * @param {string} root
 * @param {Build} build
 * @returns {{ sources: string, outputs: Record<string, number> } | undefined}
 */
function readStamp(root, build) {
  try {
    return JSON.parse(readFileSync(stampFile(root, build), 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Below node_modules, so that a new installation also means a new build.
 *
 * @param {string} root
 * @param {Build} build
 */
function stampFile(root, build) {
  return join(root, 'node_modules/.cache/nest-transactional', `${build.name}.json`);
}
