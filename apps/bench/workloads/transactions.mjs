import { runFor } from '../measure/callers.mjs';
import { NO_EFFECT } from './workload.mjs';

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
  task,
  effect: { ...NO_EFFECT, ...effect },
  lines: callers.map((count) => ({
    label: count === 1 ? '1 caller' : `${count} callers`,
    measure: (contestant, ms) =>
      runFor(ms, contestant, { task, callers: count, batch: task === 'nothing' ? 256 : 1 }),
  })),
}));
