import { describe, expect, it } from '@jest/globals';
import { gate as meetingPoint, settle, watched, type Gate } from '../../../../test/support/gate.js';
import { idleTransaction } from '../../../../test/support/idle-transaction.js';
import { systemClock } from '../transaction/clock.js';
import { TransactionScope } from '../transaction/transaction-scope.js';
import { StatementGate } from './statement-gate.js';

/** A gate, and a wire on which each statement stays until the test lets it go. */
class Door {
  readonly root = idleTransaction().root;
  readonly cycles: Error[] = [];
  readonly gate = new StatementGate(this.root, {
    clock: systemClock,
    nestedWaitMs: 60_000,
    onCycle: (cycle) => this.cycles.push(cycle),
  });
  /** What was sent, in order; a savepoint stands before the statement that enters it. */
  readonly sent: string[] = [];
  readonly #onWire = new Map<string, Gate<string>>();

  savepoint(parent = this.root): TransactionScope {
    return new TransactionScope(parent.transaction, parent);
  }

  pass(name: string, scope = this.root): Promise<string> {
    const send = (entered: readonly TransactionScope[]): Promise<string> => {
      this.sent.push(...entered.map(({ depth }) => `savepoint ${depth}`), name);
      return this.#occupy(name);
    };
    return watched(this.gate.pass(scope, send, () => new Error(`refused: ${name}`)));
  }

  leave(scope: TransactionScope): Promise<void> {
    scope.end();
    const name = `leave ${scope.depth}`;
    return watched(
      this.gate.leave(scope, async () => {
        this.sent.push(name);
        await this.#occupy(name);
      }),
    );
  }

  async finish(name: string): Promise<void> {
    this.#onWire.get(name)!.open(name);
    await settle();
  }

  async fail(name: string): Promise<void> {
    this.#onWire.get(name)!.fail(new Error(`failed: ${name}`));
    await settle();
  }

  #occupy(name: string): Promise<string> {
    const onWire = meetingPoint<string>();
    this.#onWire.set(name, onWire);
    return onWire.opened;
  }
}

describe('statements of one scope', () => {
  it('pass at once while nothing is on the wire', () => {
    const door = new Door();
    void door.pass('a');

    expect(door.sent).toEqual(['a']);
  });

  it('pass one at a time, in the order in which they came', async () => {
    const door = new Door();
    const all = ['a', 'b', 'c'].map((name) => door.pass(name));
    await settle();
    expect(door.sent).toEqual(['a']);

    await door.finish('a');
    expect(door.sent).toEqual(['a', 'b']);

    await door.finish('b');
    await door.finish('c');
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
  });

  it('go on after one that failed', async () => {
    const door = new Door();
    const [first] = [door.pass('a'), door.pass('b')];
    await door.fail('a');

    await expect(first).rejects.toThrow('failed: a');
    expect(door.sent).toEqual(['a', 'b']);
  });

  it('wait for what occupies the wire without having waited itself', async () => {
    const door = new Door();
    const vacate = door.gate.occupy();
    void door.pass('a');
    await settle();
    expect(door.sent).toEqual([]);

    vacate();
    vacate();
    await settle();
    expect(door.sent).toEqual(['a']);
  });
});

describe('a savepoint', () => {
  it('is set by its first statement, with those around it', () => {
    const door = new Door();
    const outer = door.savepoint();
    const inner = door.savepoint(outer);
    void door.pass('a', inner);

    expect(door.sent).toEqual(['savepoint 2', 'savepoint 3', 'a']);
    expect(door.gate.innermost).toBe(inner);
  });

  it('costs nothing when nothing was sent in it', async () => {
    const door = new Door();
    const empty = door.savepoint();
    await door.leave(empty);

    expect(door.sent).toEqual([]);
  });

  it('has the wire to itself: its parent waits until it is left', async () => {
    const door = new Door();
    const savepoint = door.savepoint();
    void door.pass('inside', savepoint);
    void door.pass('outside');
    await door.finish('inside');
    expect(door.sent).toEqual(['savepoint 2', 'inside']);

    void door.leave(savepoint);
    await settle();
    await door.finish('leave 2');
    expect(door.sent).toEqual(['savepoint 2', 'inside', 'leave 2', 'outside']);
  });

  it('waits for its sibling', async () => {
    const door = new Door();
    const [one, other] = [door.savepoint(), door.savepoint()];
    void door.pass('one', one);
    void door.pass('other', other);
    await door.finish('one');
    expect(door.sent).toEqual(['savepoint 2', 'one']);

    void door.leave(one);
    await settle();
    await door.finish('leave 2');
    expect(door.sent.slice(-2)).toEqual(['savepoint 2', 'other']);
  });

  it('is left only when its last statement is done', async () => {
    const door = new Door();
    const savepoint = door.savepoint();
    void door.pass('slow', savepoint);
    void door.leave(savepoint);
    await settle();
    expect(door.sent).not.toContain('leave 2');

    await door.finish('slow');
    expect(door.sent).toContain('leave 2');
  });

  it('refuses what still waits in it, and what comes after its end', async () => {
    const door = new Door();
    const savepoint = door.savepoint();
    void door.pass('a', savepoint);
    const waiting = door.pass('b', savepoint);
    void door.leave(savepoint);

    await expect(waiting).rejects.toThrow('refused: b');
    await expect(door.pass('c', savepoint)).rejects.toThrow('refused: c');
  });

  it('takes with it the savepoints inside that nobody left', async () => {
    const door = new Door();
    const outer = door.savepoint();
    void door.pass('a', door.savepoint(outer));
    await door.finish('a');
    void door.leave(outer);
    await settle();
    await door.finish('leave 2');
    void door.pass('after');

    expect(door.sent).toEqual(['savepoint 2', 'savepoint 3', 'a', 'leave 2', 'after']);
  });

  it('is left before the one around it, also when both end while a statement is on the wire', async () => {
    const door = new Door();
    const outer = door.savepoint();
    const inner = door.savepoint(outer);
    void door.pass('a', inner);
    void door.leave(inner);
    void door.leave(outer);
    await door.finish('a');
    expect(door.sent.slice(3)).toEqual(['leave 3']);

    await door.finish('leave 3');
    expect(door.sent.slice(3)).toEqual(['leave 3', 'leave 2']);
  });

  it('lets its parent go on although leaving it failed', async () => {
    const door = new Door();
    const savepoint = door.savepoint();
    void door.pass('a', savepoint);
    await door.finish('a');
    const left = door.leave(savepoint);
    await settle();
    await door.fail('leave 2');
    void door.pass('after');

    await expect(left).rejects.toThrow('failed: leave 2');
    expect(door.sent.at(-1)).toBe('after');
  });
});

describe('a statement that waits for a savepoint', () => {
  it('is not taken for a cycle as long as the savepoint sends', async () => {
    const door = new Door();
    void door.pass('inside', door.savepoint());
    void door.pass('outside');
    await settle(20);

    expect(door.cycles).toEqual([]);
  });
});

describe('a closed gate', () => {
  it('refuses at once what waits, and whatever comes', async () => {
    const door = new Door();
    void door.pass('on the wire');
    const waiting = door.pass('waiting');
    door.gate.close();

    await expect(waiting).rejects.toThrow('refused: waiting');
    await expect(door.pass('late')).rejects.toThrow('refused: late');
    await door.finish('on the wire');
    expect(door.sent).toEqual(['on the wire']);
  });

  it('lets what is on the wire come to its end, and tells when it has', async () => {
    const door = new Door();
    const statement = door.pass('a');
    door.gate.close();
    let isQuiet = false;
    const quiet = door.gate.quiet().then(() => (isQuiet = true));
    await settle();
    expect(isQuiet).toBe(false);

    await door.finish('a');
    await quiet;
    expect(await statement).toBe('a');
  });

  it('sends nothing more for a savepoint', async () => {
    const door = new Door();
    const savepoint = door.savepoint();
    void door.pass('a', savepoint);
    await door.finish('a');
    door.gate.close();
    await door.leave(savepoint).catch(() => undefined);

    expect(door.sent).toEqual(['savepoint 2', 'a']);
  });
});
