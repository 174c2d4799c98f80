import { describe, expect, it } from '@jest/globals';
import { HeldClock } from '../../../../test/support/held-clock.js';
import { Deadline } from './deadline.js';

function deadlineOf(timeoutMs: number): { clock: HeldClock; deadline: Deadline; rung: string[] } {
  const clock = new HeldClock();
  const deadline = new Deadline(timeoutMs, clock);
  const rung: string[] = [];
  deadline.listen(() => rung.push('first'));
  return { clock, deadline, rung };
}

describe('a deadline', () => {
  it('has all its time before it is started, however long that takes', () => {
    const { clock, deadline, rung } = deadlineOf(100);
    clock.pass(1000);

    expect(deadline.remainingMs).toBe(100);
    expect(rung).toEqual([]);
  });

  it('has what is left from then on, and less than nothing when it is over', () => {
    const { clock, deadline } = deadlineOf(100);
    deadline.start();
    clock.pass(30);
    expect(deadline.remainingMs).toBe(70);
    clock.pass(80);
    expect(deadline.remainingMs).toBe(-10);
  });

  it('rings once, at its end and not before', () => {
    const { clock, deadline, rung } = deadlineOf(100);
    deadline.start();
    clock.pass(99);
    expect(rung).toEqual([]);
    clock.pass(1000);
    expect(rung).toEqual(['first']);
  });

  it('does not begin anew when it is started again', () => {
    const { clock, deadline, rung } = deadlineOf(100);
    deadline.start();
    clock.pass(60);
    deadline.start();
    clock.pass(40);

    expect(rung).toEqual(['first']);
    expect(clock.alarms).toBe(0);
  });

  it('is silent once it is stopped, and leaves no alarm', () => {
    const { clock, deadline, rung } = deadlineOf(100);
    deadline.start();
    deadline.stop();

    expect(clock.alarms).toBe(0);
    clock.pass(200);
    expect(rung).toEqual([]);
  });

  it('rings also in a further attempt, which has only what the first one left, and for that one alone', () => {
    const { clock, deadline, rung } = deadlineOf(100);
    deadline.start();
    clock.pass(60);
    deadline.stop();
    deadline.listen(() => rung.push('second'));
    deadline.start();
    clock.pass(39);
    expect(rung).toEqual([]);
    clock.pass(1);
    expect(rung).toEqual(['second']);
  });

  it('rings at once in an attempt for which nothing is left', () => {
    const { clock, deadline, rung } = deadlineOf(100);
    deadline.start();
    deadline.stop();
    clock.pass(150);
    deadline.listen(() => rung.push('second'));
    deadline.start();
    clock.pass(0);

    expect(rung).toEqual(['second']);
  });
});
