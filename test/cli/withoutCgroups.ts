/**
 * The program `tasktrail` on a kernel that was built without cgroups: the files that only cgroups have are not there.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const missing = new Set<unknown>(['/proc/self/cgroup', '/proc/self/ns/cgroup']);
const { readFileSync, readlinkSync } = fs;

function requireThere(path: unknown): void {
  if (missing.has(path)) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
}

Object.assign(fs, {
  readFileSync: (path: string, options: 'latin1') => {
    requireThere(path);
    return readFileSync(path, options);
  },
  readlinkSync: (path: string) => {
    requireThere(path);
    return readlinkSync(path);
  },
});
syncBuiltinESMExports();
await import('../../src/cli/main.ts');
