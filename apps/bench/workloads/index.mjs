import { contention } from './contention.mjs';
import { http } from './http.mjs';
import { joinedCall } from './joined-call.mjs';
import { saveOverhead } from './save-overhead.mjs';
import { transactions } from './transactions.mjs';

/** @type {readonly import('./workload.mjs').Workload[]} */
export const WORKLOADS = [joinedCall, ...transactions, saveOverhead, ...contention, ...http];

/** The names that `--only` takes: those that are measured in rounds, then the one that is run once. */
export const WORKLOAD_NAMES = [...WORKLOADS.map(({ name }) => name), 'heap'];
