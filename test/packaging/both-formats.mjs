// Loads each entry point as ESM and as CommonJS, in one process, and prints what they export and whether they know each other.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const entryPoints = process.argv.slice(2);

/** @type {Record<string, { esm: string[], cjs: string[], isOneCopy: boolean }>} */
const exported = {};
for (const name of entryPoints) {
  const [esm, cjs] = [await import(name), require(name)];
  const isOneCopy = Object.keys(esm).some((key) => typeof esm[key] === 'function' && esm[key] === cjs[key]);
  exported[name] = { esm: namesIn(esm), cjs: namesIn(cjs), isOneCopy };
}

const formats = {
  esm: { core: await import('@nest-transactional/core'), http: await import('@nest-transactional/http') },
  cjs: { core: require('@nest-transactional/core'), http: require('@nest-transactional/http') },
};

console.log(
  JSON.stringify({
    exported,
    recognised: { esm: classesOf('cjs', formats.esm), cjs: classesOf('esm', formats.cjs) },
  }),
);

/** @param {object} module */
function namesIn(module) {
  return Object.keys(module)
    .filter((name) => name !== 'default' && name !== 'module.exports' && name !== '__esModule')
    .toSorted();
}

/**
 * Which classes of one format an error of the other is an instance of.
 *
 * @param {'esm' | 'cjs'} thrownBy
 * @param {typeof formats['esm']} caughtBy
 */
function classesOf(thrownBy, caughtBy) {
  const error = new formats[thrownBy].http.PreconditionFailedError('If-Match', {
    entity: 'Product',
    current: 3,
  });
  return Object.entries({ ...caughtBy.core, ...caughtBy.http })
    .filter(
      ([name, value]) => name.endsWith('Error') && typeof value === 'function' && error instanceof value,
    )
    .map(([name]) => name)
    .toSorted();
}
