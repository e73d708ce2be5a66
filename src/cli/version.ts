/**
 * The version, from the package that this file is part of, be it run as shipped or from its source.
 */
import { existsSync, readFileSync } from 'node:fs';

export function readVersion(): string {
  let file = new URL('package.json', import.meta.url);
  while (!existsSync(file)) {
    const above = new URL('../package.json', file);
    if (above.href === file.href)
      throw new Error('tasktrail is not installed in full: its package.json is missing');
    file = above;
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
