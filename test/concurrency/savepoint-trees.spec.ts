import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fateOf, HANG_MS, StrickenDatabase } from '../faults/stricken-database.js';
import { settle } from '../support/gate.js';
import { rounds } from '../support/thoroughness.js';

const ROUNDS = rounds({ usual: 100, thorough: 1000 });
const RUNS_OF_TEN = Math.ceil(ROUNDS / 10);
let database: StrickenDatabase;

beforeAll(async () => {
  database = await StrickenDatabase.open({ dataSource: { poolSize: 10 } });
});
afterAll(async () => {
  await database.expectHealthy();
  await database.close();
});

/** What a scope does, in order; the parts of a `parallel` step start together. */
interface Scope {
  readonly steps: readonly Step[];
  /** How it ends. */
  readonly end: 'return' | 'throw' | 'condemned' | 'swallowed failure';
}
type Step =
  | { readonly kind: 'write' }
  | { readonly kind: 'pause'; readonly turns: number }
  | { readonly kind: 'nested'; readonly scope: Scope }
  | { readonly kind: 'parallel'; readonly parts: readonly Step[] };

const { scope: anyScope } = fc.letrec<{ scope: Scope; step: Step; leaf: Step }>((tie) => ({
  leaf: fc.oneof(
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'write' }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('pause' as const), turns: fc.integer({ min: 1, max: 3 }) }),
    },
  ),
  step: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.record({ kind: fc.constant('nested' as const), scope: tie('scope') }),
    fc.record({
      kind: fc.constant('parallel' as const),
      parts: fc.array(tie('step'), { minLength: 2, maxLength: 4 }),
    }),
  ),
  scope: fc.record({
    steps: fc.array(tie('step'), { minLength: 1, maxLength: 4 }),
    end: fc.oneof(
      { weight: 3, arbitrary: fc.constant('return' as const) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('throw' as const, 'condemned' as const, 'swallowed failure' as const),
      },
    ),
  }),
}));

/** What must be stored of a scope, by the names that {@link perform} gives: all that is in no scope which failed. */
function stored(scope: Scope, path: string): string[] {
  return scope.end === 'return'
    ? scope.steps.flatMap((step, index) => storedOf(step, `${path}.${index}`))
    : [];
}

function storedOf(step: Step, path: string): string[] {
  if (step.kind === 'write') return [path];
  if (step.kind === 'nested') return stored(step.scope, path);
  if (step.kind === 'pause') return [];
  return step.parts.flatMap((part, index) => storedOf(part, `${path}.${index}`));
}

async function perform(scope: Scope, path: string): Promise<void> {
  for (const [index, step] of scope.steps.entries()) await performStep(step, `${path}.${index}`);
  if (scope.end === 'throw') throw new Error(`undo ${path}`);
  if (scope.end === 'condemned') database.transactions.current!.setRollbackOnly();
  if (scope.end === 'swallowed failure') await database.dataSource.query('SELECT 1/0').catch(() => undefined);
}

async function performStep(step: Step, path: string): Promise<void> {
  if (step.kind === 'write') await database.write(path);
  else if (step.kind === 'pause') await settle(step.turns);
  else if (step.kind === 'parallel') {
    await Promise.all(step.parts.map((part, index) => performStep(part, `${path}.${index}`)));
  } else {
    const { scope } = step;
    const nested = database.transactions.run({ propagation: 'NESTED' }, () => perform(scope, path));
    const failure = await nested.then(
      () => undefined,
      (error: unknown) => error,
    );
    if ((failure === undefined) !== (scope.end === 'return')) throw new WrongAnswer(path, failure);
  }
}

/** A NESTED call did not come to what its body says. */
class WrongAnswer extends Error {
  constructor(path: string, cause: unknown) {
    super(`The NESTED call ${path} answered wrongly: ${String(cause)}`, { cause });
  }
}

it(
  `stores of ${ROUNDS} random trees of parallel NESTED calls exactly what no failure undid`,
  async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyScope, { minLength: 10, maxLength: 10 }), async (trees) => {
        await database.empty();
        const paths = trees.map(() => `${++round}`);
        const fates = await Promise.all(
          trees.map((tree, index) => fateOf(database.transactions.run(() => perform(tree, paths[index]!)))),
        );
        for (const [index, fate] of fates.entries()) {
          if (fate instanceof WrongAnswer) throw fate;
          expect([trees[index]!.end, fate === undefined]).toEqual([
            trees[index]!.end,
            trees[index]!.end === 'return',
          ]);
        }
        const expected = trees.flatMap((tree, index) => stored(tree, paths[index]!));
        expect(new Set(await database.notes())).toEqual(new Set(expected));
      }),
      { numRuns: RUNS_OF_TEN, endOnFailure: true },
    );
  },
  20 * HANG_MS,
);
