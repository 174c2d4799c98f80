// Runs before `npm start`: builds what the shop needs when it is missing or not what the sources say.
// With `--accept`, which `npm run build` passes: takes what was just built with types as up to date.
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fingerprintOf, isBuilt, rememberBuild } from './build-freshness.mjs';

/** @typedef {import('./build-freshness.mjs').Build} Build */

const root = process.env.BUILD_ROOT ?? dirname(dirname(fileURLToPath(import.meta.url)));

/** @type {Build} */
const core = {
  name: 'core',
  sources: 'libs/core/src',
  tsconfig: 'libs/core/tsconfig.esm.json',
  output: 'libs/core/dist/esm',
  buildInfo: 'libs/core/dist/esm.tsbuildinfo',
};

/** @type {Build} */
const http = {
  name: 'http',
  sources: 'libs/http/src',
  tsconfig: 'libs/http/tsconfig.esm.json',
  output: 'libs/http/dist/esm',
  buildInfo: 'libs/http/dist/esm.tsbuildinfo',
};

/** @type {Build} */
const shop = {
  name: 'shop',
  sources: 'apps/shop/src',
  tsconfig: 'apps/shop/tsconfig.build.json',
  output: 'apps/shop/dist',
  buildInfo: 'apps/shop/dist/shop.tsbuildinfo',
};

const builds = [core, http, shop];

try {
  if (process.argv.includes('--accept')) acceptAll();
  else if (!builds.every((build) => isBuilt(root, build))) await buildInTurn();
} catch (error) {
  console.error(`Could not build: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function acceptAll() {
  for (const build of builds) rememberBuild(root, build, fingerprintOf(root, build));
}

async function buildInTurn() {
  const { inTurn } = await import('./in-turn.mjs');
  const tellWaiting = () => console.log('Waiting for another build in this folder to end …');
  await inTurn(join(root, '.data/locks/build'), buildStale, tellWaiting);
}

async function buildStale() {
  for (const build of builds) {
    if (!isBuilt(root, build)) await buildAnew(build);
  }
}

/** @param {Build} build */
async function buildAnew(build) {
  console.log(`Building ${build.name} …`);
  // Loading the compiler is what takes time, so it is loaded only when there is something to build.
  const { transpile } = await import('./transpile.mjs');
  // From nothing: the output of a source that is gone must not stay, and an incremental build would skip what it wrote once.
  for (const stale of [build.output, build.buildInfo])
    rmSync(join(root, stale), { recursive: true, force: true });
  const sources = fingerprintOf(root, build);
  transpile(join(root, build.tsconfig));
  rememberBuild(root, build, sources);
}
