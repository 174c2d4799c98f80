// Draws what `npm run bench -- --only own-row,hot-row --json <file>` has found: node chart.mjs <file> <svg>
import { readFileSync, writeFileSync } from 'node:fs';
import { chartOf, throughputs } from './report/chart.mjs';

const [file = '', svg = ''] = process.argv.slice(2);
const { results } = JSON.parse(readFileSync(file, 'utf8'));
writeFileSync(svg, chartOf(throughputs(results)));
