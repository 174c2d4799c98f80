import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { startOf } from '../../tools/process-table.mjs';
import { scratchDirectory } from '../support/database.js';

export const root = join(import.meta.dirname, '../..');

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A node program under test, with all that it printed. */
export class Program {
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  constructor(script: string, env: NodeJS.ProcessEnv, args: string[] = []) {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk) => (this.stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (this.stderr += String(chunk)));
    this.#child = child;
    this.ended = once(child, 'close').then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): Promise<Ended> {
    this.#child.kill(signal);
    return this.ended;
  }

  /** Resolves with what the pattern's group caught, once it was printed. */
  async prints(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.stdout);
      if (found) return found[1] ?? found[0];
      await Promise.race([once(this.#child.stdout ?? this.#child, 'data'), this.ended]);
      if (this.#child.exitCode !== null && !pattern.test(this.stdout)) {
        throw new Error(`It ended without printing ${pattern}: ${this.stdout}${this.stderr}`);
      }
    }
  }
}

/** The caller's variables without those that would change what is tested. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _url, HOST: _host, PORT: _port, SHOP_DATA_DIR: _directory, ...rest } = process.env;
  return rest;
}

export function makeScratch(name: string): string {
  const directory = mkdtempSync(join(scratchDirectory(), `${name}-`));
  // PostgreSQL may have to run under another account, which passes through here.
  chmodSync(directory, 0o755);
  return directory;
}

export function isAlive(pid: number): boolean {
  return startOf(pid) !== undefined;
}
