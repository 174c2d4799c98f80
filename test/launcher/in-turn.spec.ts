import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { inTurn } from '../../tools/in-turn.mjs';
import { badgeOfThisProcess, isBadgeAlive } from '../../tools/process-table.mjs';
import { cleanEnvironment, makeScratch, Program, root } from './processes.js';

const VISITOR = `
  import { appendFileSync } from 'node:fs';
  import { inTurn } from '${join(root, 'tools/in-turn.mjs')}';
  const [directory, name] = process.argv.slice(2);
  await inTurn(directory, async () => {
    console.log('served');
    if (name === 'stays') await new Promise((resolve) => setTimeout(resolve, 60_000));
    appendFileSync(directory + '.log', 'in ');
    await new Promise((resolve) => setImmediate(resolve));
    appendFileSync(directory + '.log', 'out ');
  });
`;

describe('inTurn', () => {
  it('serves one process at a time', async () => {
    const directory = join(makeScratch('turn'), 'lock');

    const visits = [1, 2, 3, 4].map((name) => visitor(directory, String(name)).ended);

    expect((await Promise.all(visits)).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(readFileSync(`${directory}.log`, 'utf8')).toBe('in out '.repeat(4));
    expect(readdirSync(directory)).toEqual([]);
  });

  it('serves one caller at a time within a process', async () => {
    const directory = join(makeScratch('turn'), 'lock');
    const steps: string[] = [];
    const visit = () =>
      inTurn(directory, async () => {
        steps.push('in');
        await new Promise((resolve) => setImmediate(resolve));
        steps.push('out');
      });

    await Promise.all([visit(), visit(), visit()]);

    expect(steps).toEqual(['in', 'out', 'in', 'out', 'in', 'out']);
  });

  it('passes over a process that was killed while it was served', async () => {
    const directory = join(makeScratch('turn'), 'lock');
    const killed = visitor(directory, 'stays');
    await killed.prints(/served/);
    await killed.kill('SIGKILL');

    expect((await visitor(directory, 'next').ended).code).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('lets the next one in when the work fails', async () => {
    const directory = join(makeScratch('turn'), 'lock');

    await expect(inTurn(directory, () => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck');
    await expect(inTurn(directory, () => Promise.resolve('done'))).resolves.toBe('done');
  });
});

describe('a badge', () => {
  it('is alive with its process, not with another one of the same pid', () => {
    const badge = badgeOfThisProcess();

    expect(isBadgeAlive(badge)).toBe(true);
    expect(isBadgeAlive(`${badge}0`)).toBe(false);
    expect(isBadgeAlive(`${process.pid}`)).toBe(false);
  });
});

function visitor(directory: string, name: string): Program {
  const script = `${directory}-${name}.mjs`;
  writeFileSync(script, VISITOR);
  return new Program(script, cleanEnvironment(), [directory, name]);
}
