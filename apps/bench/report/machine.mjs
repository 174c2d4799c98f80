import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const PACKAGES = [
  '@nest-transactional/core',
  '@nest-transactional/http',
  '@nestjs/core',
  '@nestjs/platform-fastify',
  'typeorm',
  'pg',
];

/** Where it ran: numbers of two machines cannot be compared. */
export function machine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
  };
}

/** @returns {Record<string, string>} */
export function versions() {
  const packages = PACKAGES.map((name) => [name, versionOf(name)]);
  return { node: process.versions.node, ...Object.fromEntries(packages) };
}

/**
 * Not every package exports its package.json, so it is looked for above the file that would be loaded.
 *
 * @param {string} name
 * @returns {string}
 */
function versionOf(name) {
  for (let url = new URL('.', import.meta.resolve(name)); url.pathname !== '/'; url = new URL('..', url)) {
    const found = readIfAny(fileURLToPath(new URL('package.json', url)));
    if (found?.name === name) return found.version;
  }
  return 'unknown';
}

/**
 * @param {string} file
 * @returns {{ name: string, version: string } | undefined}
 */
function readIfAny(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
