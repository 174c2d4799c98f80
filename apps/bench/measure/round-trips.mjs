import { openContestant } from '../contestants/contestant.mjs';
import { keysOf } from './callers.mjs';
import { WireProxy } from './wire-proxy.mjs';

/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {keyof import('../contestants/contestant.mjs').Tasks} TaskName */

const COUNTED = 5;

/**
 * How often one transaction waits for the server, seen on the wire.
 *
 * @param {ContestantName} name
 * @param {string} databaseUrl
 * @param {{ task?: TaskName }} workload
 * @returns {Promise<{ roundTrips: number, calls: number }>} `calls`: how often the task was called for it
 */
export async function countRoundTrips(name, databaseUrl, { task }) {
  if (task === undefined) return { roundTrips: 0, calls: 0 };
  const proxy = await WireProxy.to(databaseUrl);
  try {
    // One connection: a pool that makes another one meanwhile would be counted, too.
    const contestant = await openContestant(name, { url: proxy.url, poolSize: 1 });
    const roundTrips = await count(proxy, contestant, task).finally(() => contestant.close());
    return { roundTrips, calls: COUNTED + 1 };
  } finally {
    await proxy.close();
  }
}

/**
 * @param {WireProxy} proxy
 * @param {Contestant} contestant
 * @param {TaskName} task
 */
async function count(proxy, contestant, task) {
  const [keys = { first: 1, second: 2 }] = keysOf(0);
  const once = async () => refuseWrongAnswer(task, keys.first, await contestant.tasks[task](keys));
  return await contestant.asRequest(async () => {
    // The first one connects.
    await once();
    const before = proxy.roundTrips;
    for (let i = 0; i < COUNTED; i++) await once();
    return (proxy.roundTrips - before) / COUNTED;
  });
}

/**
 * A contestant that does not do the work must not win.
 *
 * @param {string} task
 * @param {number} id
 * @param {unknown} answer
 */
function refuseWrongAnswer(task, id, answer) {
  if (task !== 'read' && task !== 'report') return;
  const found = answer && typeof answer === 'object' && 'id' in answer ? answer.id : undefined;
  if (found !== id) throw new Error(`asked for account ${id}, '${task}' gave ${String(found)}`);
}
