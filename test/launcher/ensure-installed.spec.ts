import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { isNodeSupported, isSameInstallation, reasonOf } from '../../tools/installation.mjs';
import { cleanEnvironment, makeScratch, Program, root } from './processes.js';

const left = { version: '1.0.0', integrity: 'sha512-left' };
const right = { version: '2.0.0', integrity: 'sha512-right' };

describe('isSameInstallation', () => {
  const same = (wanted: object, present: object) => isSameInstallation(lockOf(wanted), lockOf(present));

  it('compares packages, whatever else the two files say', () => {
    expect(same({ left, right }, { left, right })).toBe(true);
    expect(same({ left }, { left: { ...left, integrity: 'sha512-other' } })).toBe(false);
  });

  it('notices a package too few and one too many', () => {
    expect(same({ left, right }, { left })).toBe(false);
    expect(same({ left }, { left, right })).toBe(false);
  });

  it('does not miss what npm leaves out on this platform', () => {
    expect(same({ left, right: { ...right, optional: true } }, { left })).toBe(true);
  });

  it('reads an unreadable file as another installation', () => {
    expect(isSameInstallation(lockOf({ left }), '{')).toBe(false);
  });
});

describe('isNodeSupported', () => {
  it.each([
    ['v20.19.0', true],
    ['v20.18.3', false],
    ['v18.20.0', false],
    ['v22.0.0', true],
  ])('%s: %s', (version, expected) => {
    expect(isNodeSupported(version, '>=20.19')).toBe(expected);
  });
});

describe('reasonOf', () => {
  it('says that the network is missing', () => {
    expect(reasonOf('npm error code ENOTFOUND\nnpm error network request failed')).toMatch(
      /cannot be reached \(ENOTFOUND\)/,
    );
  });

  it('repeats what npm told otherwise', () => {
    expect(reasonOf('npm warn x\nnpm error code EUSAGE\nnpm error The lock file is out of sync.\n')).toBe(
      'The lock file is out of sync.',
    );
  });
});

describe('tools/ensure-installed.mjs', () => {
  let folder: string;

  beforeEach(() => {
    folder = makeScratch('install');
    writeFileSync(join(folder, 'package.json'), '{"engines":{"node":">=20.19"}}');
    writeFileSync(join(folder, 'package-lock.json'), lockOf({ left }));
    writeFileSync(join(folder, 'npm-cli.js'), FAKE_NPM);
  });

  it('installs once, says so, and is silent from then on', async () => {
    const first = await ensureInstalled();
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^Installing the dependencies.*\n(npm ci \d+ s\n)*Installed\.\n$/);

    expect(await ensureInstalled()).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(installations()).toBe(1);
  });

  it('installs again when the lock file has other contents', async () => {
    await ensureInstalled();
    writeFileSync(join(folder, 'package-lock.json'), lockOf({ left, right }));

    await ensureInstalled();

    expect(installations()).toBe(2);
  });

  it('installs again when the last installation was interrupted', async () => {
    await ensureInstalled();
    rmSync(join(folder, 'node_modules/.package-lock.json'));

    await ensureInstalled();

    expect(installations()).toBe(2);
  });

  it('accepts what somebody installed by hand', async () => {
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'node_modules/.package-lock.json'), lockOf({ left }));

    expect(await ensureInstalled()).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('installs once when two start at the same moment', async () => {
    const both = await Promise.all([ensureInstalled(), ensureInstalled()]);

    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(installations()).toBe(1);
  });

  it('fails in one line that names the reason', async () => {
    const { code, stderr } = await ensureInstalled({ FAKE_NPM: 'offline' });

    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^Could not install the dependencies: the package registry cannot be reached.*\n$/,
    );
  });

  it('names the Node it needs', async () => {
    writeFileSync(join(folder, 'package.json'), '{"engines":{"node":">=99.1"}}');

    expect(await ensureInstalled()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Node >=99\.1 is required, this is v\d.*\n$/) as unknown,
    });
  });

  function ensureInstalled(env: NodeJS.ProcessEnv = {}) {
    return new Program(join(root, 'tools/ensure-installed.mjs'), {
      ...cleanEnvironment(),
      INSTALL_ROOT: folder,
      npm_execpath: join(folder, 'npm-cli.js'),
      ...env,
    }).ended;
  }

  function installations(): number {
    return readFileSync(join(folder, 'installations'), 'utf8').length;
  }
});

const FAKE_NPM = `
  const fs = require('node:fs');
  if (process.env.FAKE_NPM === 'offline') {
    console.error('npm error code EAI_AGAIN');
    process.exit(1);
  }
  fs.appendFileSync('installations', 'x');
  fs.mkdirSync('node_modules', { recursive: true });
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

function lockOf(packages: object): string {
  const entries = Object.entries(packages).map(([name, entry]) => [`node_modules/${name}`, entry as unknown]);
  return JSON.stringify({ packages: Object.fromEntries(entries) as unknown });
}
