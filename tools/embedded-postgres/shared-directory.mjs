import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A directory of our own that every account can enter, for what lies in a folder it may not enter (such as root's home).
 * The same path always gives the same directory, so data is found again.
 *
 * @param {string} path what is to be placed elsewhere
 * @returns {string}
 */
export function sharedDirectory(path) {
  // Unlike /tmp, /var/tmp outlives a restart of the machine.
  const parent = existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 12);
  const directory = join(parent, `nest-transactional-${hash}`);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  refuseForeign(directory);
  return directory;
}

/**
 * Anybody can create names in the parent: somebody else's directory, or a link, could make us run or overwrite their files.
 *
 * @param {string} directory
 */
function refuseForeign(directory) {
  const found = lstatSync(directory);
  if (found.isDirectory() && found.uid === process.getuid?.()) return;
  throw new Error(
    `${directory} belongs to somebody else; remove it, or set SHOP_DATA_DIR to a folder that anybody may enter.`,
  );
}
