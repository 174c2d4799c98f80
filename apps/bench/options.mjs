import { parseArgs } from 'node:util';
import { CONTESTANTS } from './contestants/contestant.mjs';
import { WORKLOAD_NAMES } from './workloads/index.mjs';

/** @typedef {import('./contestants/contestant.mjs').ContestantName} ContestantName */

/**
 * @typedef {object} Options
 * @property {readonly string[]} only
 * @property {readonly ContestantName[]} contestants
 * @property {number} rounds
 * @property {number} roundMs how long a contestant works on one line of one round
 * @property {boolean} fsync
 * @property {string | undefined} json
 */

const CONTESTANT_NAMES = /** @type {ContestantName[]} */ (Object.keys(CONTESTANTS));

const OPTIONS = /** @type {const} */ ({
  only: { type: 'string', default: WORKLOAD_NAMES.join(',') },
  contestants: { type: 'string', default: CONTESTANT_NAMES.join(',') },
  rounds: { type: 'string', default: '7' },
  'round-ms': { type: 'string', default: '250' },
  fsync: { type: 'string', default: 'on' },
  json: { type: 'string' },
  help: { type: 'boolean', default: false },
});

export const USAGE = `Usage: npm run bench -- [options]
  --only <names>         ${WORKLOAD_NAMES.join(', ')}
  --contestants <names>  ${CONTESTANT_NAMES.join(', ')}
  --rounds <n>           how often each contestant has its turn (7)
  --round-ms <n>         how long a turn is, in milliseconds (250)
  --fsync <on|off>       whether COMMIT waits for the disk (on)
  --json <file>          where the results are saved`;

/** Is told in one line. */
export class UsageError extends Error {}

/**
 * @param {readonly string[]} args
 * @returns {Options | 'help'}
 * @throws {UsageError}
 */
export function readOptions(args) {
  const values = parse(args);
  if (values.help) return 'help';
  return {
    only: names('--only', values.only, WORKLOAD_NAMES),
    contestants: names('--contestants', values.contestants, CONTESTANT_NAMES),
    rounds: positive('--rounds', values.rounds),
    roundMs: positive('--round-ms', values['round-ms']),
    fsync: oneOf('--fsync', values.fsync, ['on', 'off']) === 'on',
    json: values.json,
  };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    // What follows the first sentence is advice on positional arguments, which there are none of.
    const [reason = ''] = String(error instanceof Error ? error.message : error).split(/\.\s|\n/, 1);
    throw new UsageError(`${reason}; options are: --${Object.keys(OPTIONS).join(', --')}`);
  }
}

/**
 * @template {string} Name
 * @param {string} option
 * @param {string} value
 * @param {readonly Name[]} known
 * @returns {readonly Name[]} in the order of `known`, each once
 */
function names(option, value, known) {
  const asked = new Set(value.split(',').map((name) => oneOf(option, name.trim(), known)));
  return known.filter((name) => asked.has(name));
}

/**
 * @template {string} Name
 * @param {string} option
 * @param {string} value
 * @param {readonly Name[]} known
 * @returns {Name}
 */
function oneOf(option, value, known) {
  const found = known.find((name) => name === value);
  if (found !== undefined) return found;
  throw new UsageError(`${option}: '${value}' is unknown; known are: ${known.join(', ')}`);
}

/**
 * @param {string} option
 * @param {string} value
 */
function positive(option, value) {
  if (/^[1-9]\d{0,5}$/.test(value)) return Number(value);
  throw new UsageError(`${option} must be a whole number from 1 to 999999, not '${value}'`);
}
