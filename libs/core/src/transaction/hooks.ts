import type { Outcome } from './transaction.js';

/** Runs at one of a transaction's last moments. */
export type Hook = () => unknown;

/** How an after-commit hook is run. */
export interface HookOptions {
  /** Whether its failure is only logged, and not told to the caller. @defaultValue `false` */
  readonly robust?: boolean;
}

export type HookPhase = 'beforeCommit' | 'afterCommit' | 'afterRollback' | 'afterCompletion';

interface RegisteredHook {
  readonly phase: HookPhase;
  readonly run: (outcome: Outcome) => unknown;
  readonly isRobust: boolean;
}

/** What a hook's failure was, and whether the caller hears of it. */
export interface HookFailure {
  readonly error: unknown;
  readonly isRobust: boolean;
}

/** The hooks of one scope, in the order in which they were registered. */
export class Hooks {
  #registered: RegisteredHook[] = [];

  register(phase: HookPhase, run: RegisteredHook['run'], { robust = false }: HookOptions = {}): void {
    // Only who runs whatever the outcome needs to be told it.
    const told = phase === 'afterCompletion' ? run : (): unknown => (run as Hook)();
    this.#registered.push({ phase, run: told, isRobust: robust });
  }

  /** Takes over what a released savepoint registered. */
  adopt(other: Hooks): void {
    this.#registered.push(...other.#registered);
    other.#registered = [];
  }

  /** Runs the hooks of `phase`, also those that they register meanwhile; the first failure ends it. */
  async runStrictly(phase: HookPhase, outcome: Outcome): Promise<void> {
    for (let index = 0; index < this.#registered.length; index++) {
      const hook = this.#registered[index]!;
      if (hook.phase === phase) await hook.run(outcome);
    }
  }

  /** Runs every hook of `phase`, whatever became of the others; returns what failed. */
  async runAll(phase: HookPhase, outcome: Outcome): Promise<readonly HookFailure[]> {
    const failures: HookFailure[] = [];
    for (const hook of this.#registered.filter((each) => each.phase === phase)) {
      try {
        await hook.run(outcome);
      } catch (error) {
        failures.push({ error, isRobust: hook.isRobust });
      }
    }
    return failures;
  }
}
