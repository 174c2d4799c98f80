// What `npm run bench` runs: the contestants take turns on one PostgreSQL, then a table tells.
import { writeFileSync } from 'node:fs';
import { startServer } from './database/server.mjs';
import { createDatabase, serverVersion } from './database/tables.mjs';
import { Entrant } from './entrant.mjs';
import { Interruption, interruptible } from './interruption.mjs';
import { readOptions, USAGE, UsageError } from './options.mjs';
import { machine, versions } from './report/machine.mjs';
import { showProgress } from './report/progress.mjs';
import { describeGrowths, describeWorkload, resultsOf } from './report/result.mjs';
import { Tournament } from './tournament.mjs';

/** @typedef {import('./options.mjs').Options} Options */
/** @typedef {import('./interruption.mjs').Defer} Defer */
/** @typedef {Awaited<ReturnType<typeof compete>>} Outcome */

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') console.log(USAGE);
  else tell(await interruptible((defer) => compete(options, defer)), options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  if (process.env.BENCH_DEBUG && !(error instanceof UsageError)) console.error(error);
  process.exitCode = error instanceof Interruption ? 130 : 1;
}

/**
 * @param {Options} options
 * @param {Defer} defer
 */
async function compete(options, defer) {
  const progress = showProgress();
  defer(() => progress.stop());
  progress.tell('starting PostgreSQL', 0);
  const starting = startServer({ isDurable: options.fsync });
  // Deferred before it has started: an interruption may come meanwhile.
  defer(async () => (await starting).remove());
  const { url } = await starting;

  const entrants = await Promise.all(options.contestants.map((name) => enter(name, url, defer)));
  const tournament = new Tournament(entrants, options, (what, share) => progress.tell(what, share));
  const { growths, ...measured } = await tournament.run();
  const checks = await Promise.all(entrants.map((entrant) => entrant.check()));
  return {
    postgres: await serverVersion(url),
    results: resultsOf(tournament.workloads, measured),
    growths,
    checks,
  };
}

/**
 * @param {import('./contestants/contestant.mjs').ContestantName} name
 * @param {string} serverUrl
 * @param {Defer} defer
 */
async function enter(name, serverUrl, defer) {
  const entrant = new Entrant(name, await createDatabase(serverUrl, `bench_${name}`));
  defer(() => entrant.dismiss());
  await entrant.ask('open');
  return entrant;
}

/**
 * @param {Outcome} outcome
 * @param {Options} options
 */
function tell({ postgres, results, growths, checks }, options) {
  for (const result of results) console.log(`${describeWorkload(result)}\n`);
  if (growths.length > 0) console.log(`${describeGrowths(growths)}\n`);
  for (const check of checks) tellCheck(check);
  if (!options.json) return;
  const where = { date: new Date().toISOString(), machine: machine(), versions: { ...versions(), postgres } };
  writeFileSync(
    options.json,
    `${JSON.stringify({ ...where, options, results, growths, checks }, undefined, 2)}\n`,
  );
  console.log(`Saved in ${options.json}.`);
}

/** @param {Outcome['checks'][number]} check */
function tellCheck({ contestant, isExact, reported, committed }) {
  if (isExact) return console.log(`${contestant}: committed exactly what it reported.`);
  process.exitCode = 1;
  console.error(
    `${contestant}: reported ${JSON.stringify(reported)}, committed ${JSON.stringify(committed)}!`,
  );
}
