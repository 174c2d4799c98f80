import { keysOf, runFor } from '../measure/callers.mjs';
import { NO_EFFECT } from './workload.mjs';

/** @typedef {import('./workload.mjs').Call} Call */
/** @typedef {import('./workload.mjs').Workload} Workload */
/** @typedef {import('./workload.mjs').Effect} Effect */
/** @typedef {keyof import('../contestants/contestant.mjs').Tasks} TaskName */

/** @type {readonly { name: string, title: string, task: TaskName, effect?: Partial<Effect>, callers?: number[] }[]} */
const TABLE = [
  // Without I/O more callers only wait for each other's microtasks.
  { name: 'no-sql', title: 'method without SQL', task: 'nothing', callers: [1] },
  { name: 'one-update', title: 'one UPDATE by key', task: 'count', effect: { counted: 1 } },
  {
    name: 'find-save',
    title: 'find + modify + save (versioned)',
    task: 'deposit',
    effect: { balance: 1, versions: 1 },
  },
  { name: 'transfer', title: 'transfer: read 2, save 2', task: 'transfer', effect: { versions: 2 } },
  { name: 'read-only', title: 'read-only SELECT', task: 'read' },
  { name: 'deferrable', title: 'SERIALIZABLE READ ONLY DEFERRABLE SELECT', task: 'report' },
  {
    name: 'savepoint',
    title: 'savepoint around one of two UPDATEs',
    task: 'countBoth',
    effect: { counted: 2 },
  },
];

/** @type {readonly Workload[]} */
export const transactions = TABLE.map(({ name, title, task, effect, callers = [1, 32] }) => ({
  name,
  title,
  call: callOf(task),
  effect: { ...NO_EFFECT, ...effect },
  lines: callers.map((count) => ({
    label: count === 1 ? '1 caller' : `${count} callers`,
    measure: (contestant, ms) =>
      runFor(ms, contestant, { task, callers: count, batch: task === 'nothing' ? 256 : 1 }),
  })),
}));

/**
 * @param {TaskName} task
 * @returns {Call}
 */
export function callOf(task) {
  const [keys = { first: 1, second: 2 }] = keysOf(0);
  return async ({ tasks }) =>
    async () =>
      refuseWrongAnswer(task, keys.first, await tasks[task](keys));
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
