// Node reads `.js` files below the written package.json as CommonJS, though the package itself is ESM.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory] = process.argv.slice(2);
if (!directory) throw new Error('Usage: node tools/mark-commonjs.mjs DIRECTORY');
writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
