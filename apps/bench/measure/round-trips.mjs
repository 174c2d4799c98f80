import { openContestant } from '../contestants/contestant.mjs';
import { WireProxy } from './wire-proxy.mjs';

/** @typedef {import('../contestants/contestant.mjs').Contestant} Contestant */
/** @typedef {import('../contestants/contestant.mjs').ContestantName} ContestantName */
/** @typedef {import('../workloads/workload.mjs').Call} Call */

const COUNTED = 5;

/**
 * How often one call waits for the server, seen on the wire.
 *
 * @param {ContestantName} name
 * @param {string} databaseUrl
 * @param {Call | undefined} call
 * @returns {Promise<{ roundTrips: number, calls: number }>} `calls`: how often it was called for it
 */
export async function countRoundTrips(name, databaseUrl, call) {
  if (call === undefined) return { roundTrips: 0, calls: 0 };
  const proxy = await WireProxy.to(databaseUrl);
  try {
    // One connection: a pool that makes another one meanwhile would be counted, too.
    const contestant = await openContestant(name, { url: proxy.url, poolSize: 1 });
    const roundTrips = await count(proxy, contestant, call).finally(() => contestant.close());
    return { roundTrips, calls: COUNTED + 1 };
  } finally {
    await proxy.close();
  }
}

/**
 * @param {WireProxy} proxy
 * @param {Contestant} contestant
 * @param {Call} call
 */
async function count(proxy, contestant, call) {
  return await contestant.asRequest(async () => {
    const once = await call(contestant);
    // The first one connects.
    await once();
    const before = proxy.roundTrips;
    for (let i = 0; i < COUNTED; i++) await once();
    return (proxy.roundTrips - before) / COUNTED;
  });
}
