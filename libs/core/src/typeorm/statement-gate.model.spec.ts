import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { gate as meetingPoint, settle, type Gate } from '../../../../test/support/gate.js';
import { idleTransaction } from '../../../../test/support/idle-transaction.js';
import { systemClock } from '../transaction/clock.js';
import { TransactionScope } from '../transaction/transaction-scope.js';
import { StatementGate } from './statement-gate.js';

type Fate = 'waiting' | 'on the wire' | 'sent' | 'refused';

interface Statement {
  readonly number: number;
  readonly scope: TransactionScope;
  fate: Fate;
}

/** The rules of the gate, checked at every statement that passes it. */
class CheckedGate {
  readonly #root = idleTransaction().root;
  readonly #gate = new StatementGate(this.#root, {
    clock: systemClock,
    nestedWaitMs: 60_000,
    onCycle: () => undefined,
  });
  readonly #scopes = [this.#root];
  /** The savepoints that exist on the server, as it would count them. */
  readonly #entered = [this.#root];
  readonly #statements: Statement[] = [];
  readonly #pending: Promise<unknown>[] = [];
  #onWire: Gate | undefined;
  #isClosed = false;

  do({ action, pick }: Step): void {
    if (action === 'pass') this.#pass(this.#pick(pick));
    else if (action === 'savepoint') this.#scopes.push(childOf(this.#pick(pick)));
    else if (action === 'leave') this.#leave(this.#pick(pick));
    else if (action === 'finish') this.finish();
    else this.close();
  }

  close(): void {
    this.#gate.close();
    this.#isClosed = true;
  }

  finish(): void {
    this.#onWire?.open();
    this.#onWire = undefined;
  }

  /** Everything has come to an end: nobody waits for ever. */
  async expectAllSettled(): Promise<void> {
    for (let left = this.#pending.length; left >= 0; left--) {
      this.finish();
      await settle();
    }
    await Promise.all(this.#pending);
    expect(this.#statements.map(({ fate }) => fate)).not.toContain('waiting');
    expect(this.#statements.map(({ fate }) => fate)).not.toContain('on the wire');
    await this.#gate.quiet();
  }

  #pass(scope: TransactionScope): void {
    const statement: Statement = { number: this.#statements.length, scope, fate: 'waiting' };
    this.#statements.push(statement);
    const send = (entered: readonly TransactionScope[]): Promise<void> => {
      this.#checkTurn(statement);
      this.#entered.push(...entered);
      expect(this.#entered.at(-1)).toBe(scope);
      statement.fate = 'on the wire';
      return this.#occupy().then(() => void (statement.fate = 'sent'));
    };
    const refusal = (): Error => {
      expect(statement.fate).toBe('waiting');
      statement.fate = 'refused';
      return new Error('refused');
    };
    this.#pending.push(this.#gate.pass(scope, send, refusal).catch(unlessRefused));
  }

  #leave(scope: TransactionScope): void {
    if (scope === this.#root || !scope.isOpen) return;
    scope.end();
    const send = (): Promise<void> => {
      expect(this.#isClosed).toBe(false);
      this.#entered.splice(this.#entered.indexOf(scope));
      return this.#occupy();
    };
    this.#pending.push(this.#gate.leave(scope, send).catch(unlessRefused));
  }

  #checkTurn({ number, scope }: Statement): void {
    expect(this.#isClosed).toBe(false);
    expect(scope.isOpen).toBe(true);
    const earlier = this.#statements.slice(0, number).filter((each) => each.scope === scope);
    expect(earlier.map(({ fate }) => fate)).not.toContain('waiting');
  }

  #occupy(): Promise<void> {
    expect(this.#onWire).toBeUndefined();
    const onWire = meetingPoint();
    this.#onWire = onWire;
    return onWire.opened;
  }

  #pick(pick: number): TransactionScope {
    // From the newest on, so that savepoints nest; mostly open ones, so that something is sent.
    const candidates = pick === RARELY ? this.#scopes : this.#scopes.filter(({ isOpen }) => isOpen);
    return candidates.at(-1 - (pick % candidates.length))!;
  }
}

it('keeps its rules for any interleaving of statements, savepoints and closing', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step(), { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
      const gate = new CheckedGate();
      for (const each of steps) {
        gate.do(each);
        if (each.pause) await settle(1);
      }
      gate.close();
      await gate.expectAllSettled();
    }),
    { numRuns: 400 },
  );
});

interface Step {
  readonly action: 'pass' | 'savepoint' | 'leave' | 'finish' | 'close';
  readonly pick: number;
  readonly pause: boolean;
}

const RARELY = 7;

function step(): fc.Arbitrary<Step> {
  const often = (action: Step['action'], weight: number) => ({ arbitrary: fc.constant(action), weight });
  return fc.record({
    action: fc.oneof(
      often('pass', 30),
      often('finish', 25),
      often('savepoint', 12),
      often('leave', 15),
      often('close', 1),
    ),
    pick: fc.nat(RARELY),
    pause: fc.boolean(),
  });
}

function childOf(parent: TransactionScope): TransactionScope {
  return new TransactionScope(parent.transaction, parent);
}

function unlessRefused(error: Error): void {
  if (error.message !== 'refused') throw error;
}
