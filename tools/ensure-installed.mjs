// Runs before `npm start` and `npm test`, so it may need nothing but Node.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isInstalled, isNodeSupported, reasonOf, rememberInstallation } from './installation.mjs';

const root = process.env.INSTALL_ROOT ?? dirname(dirname(fileURLToPath(import.meta.url)));

try {
  refuseOldNode();
  if (!isInstalled(root)) await install();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

function refuseOldNode() {
  /** @type {{ engines: { node: string } }} */
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  if (isNodeSupported(process.version, engines.node)) return;
  throw new Error(`Node ${engines.node} is required, this is ${process.version}. See https://nodejs.org.`);
}

async function install() {
  const { inTurn } = await import('./in-turn.mjs');
  const tellWaiting = () => console.log('Waiting for another installation in this folder to end …');
  await inTurn(join(root, '.data/locks/install'), installOnce, tellWaiting);
}

async function installOnce() {
  if (isInstalled(root)) return;
  const { runWithProgress } = await import('./run-with-progress.mjs');
  console.log('Installing the dependencies that package-lock.json names (npm ci), once …');
  const { code, output } = await runWithProgress('npm ci', npmCi(), { cwd: root });
  if (code !== 0) throw new Error(`Could not install the dependencies: ${reasonOf(output)}`);
  rememberInstallation(root);
  console.log('Installed.');
}

function npmCi() {
  const npm = process.env.npm_execpath ?? '';
  const program = /npm-cli\.c?js$/.test(npm) ? [process.execPath, npm] : ['npm'];
  // Tests and the build need the development packages even where NODE_ENV is production.
  const options = ['--include=dev', '--include=optional', '--prefer-offline', '--no-audit', '--no-fund'];
  const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
  return [...program, 'ci', ...options, ...patience];
}
