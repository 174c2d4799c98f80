import { describe, expect, it } from '@jest/globals';
import { HotRows } from './hot-rows.js';

/** Hot rows among `running` transactions, at a time that only the test moves. */
function hotRows(running = 4) {
  const clock = { time: 0, now: () => clock.time, after: () => () => undefined };
  return { clock, rows: new HotRows({ clock, running: () => running }) };
}

function meetConflicts(rows: HotRows, count: number, row = 'shelf a'): void {
  for (let conflict = 0; conflict < count; conflict++) rows.noteConflict('take', row);
}

describe('a row is hot', () => {
  it('after the third conflict within a second, for the method that met them', () => {
    const { rows } = hotRows();
    meetConflicts(rows, 2);
    expect(rows.isHot('take', 'shelf a')).toBe(false);
    meetConflicts(rows, 1);

    expect(rows.isHot('take', 'shelf a')).toBe(true);
    expect(rows.isHot('look', 'shelf a')).toBe(false);
    expect(rows.isHot('take', 'shelf b')).toBe(false);
  });

  it('until nothing was heard of it for a second', () => {
    const { rows, clock } = hotRows();
    meetConflicts(rows, 3);
    clock.time = 999;
    expect(rows.isHot('take', 'shelf a')).toBe(true);
    clock.time = 1000;
    expect(rows.isHot('take', 'shelf a')).toBe(false);
    meetConflicts(rows, 1);

    expect(rows.isHot('take', 'shelf a')).toBe(false);
  });

  it('only where somebody else may wait for it', () => {
    const { rows } = hotRows(3);
    meetConflicts(rows, 9);

    expect(rows.isHot('take', 'shelf a')).toBe(false);
  });

  it('unless a thousand others were heard of since', () => {
    const { rows } = hotRows();
    meetConflicts(rows, 3);
    for (let other = 0; other < 999; other++) meetConflicts(rows, 1, `shelf ${other}`);
    expect(rows.isHot('take', 'shelf a')).toBe(true);
    meetConflicts(rows, 1, 'one more');

    expect(rows.isHot('take', 'shelf a')).toBe(false);
  });
});
